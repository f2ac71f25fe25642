//! The readers decide what a file may hold; the schemas must say the same of every key.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::*;
use crate::input;
use crate::monitor::Configuration;

/// Reads a file; the error is the hint of its refusal.
type Reader<'a> = &'a dyn Fn(&Value) -> Result<(), String>;

fn validator(schema: &str) -> Validator {
    let schema = serde_json::from_str(schema).expect("a schema is JSON");
    jsonschema::meta::validate(&schema).expect("a schema is a schema");
    jsonschema::validator_for(&schema).expect("a schema compiles")
}

/// Reads a topology; JSON is also YAML.
fn read_topology(file: &Value) -> Result<(), String> {
    topology::read_topology(&file.to_string()).map(drop).map_err(|fault| format!("{}: {:?}", fault.what, fault.hint))
}

/// A folder with an experiment's files, and the topology of [`full_topology`] as `full.yaml`.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("full.yaml"), full_topology().to_string()).unwrap();
    fs::write(home.path().join("proxy.conf"), "listen {{ pod.address }}").unwrap();
    home
}

fn read_experiment(home: &Path, file: &Value) -> Result<(), String> {
    let path = home.join("experiment.yaml");
    fs::write(&path, file.to_string()).unwrap();
    input::experiment(&path).map(drop).map_err(|failure| failure.to_string())
}

/// A topology with every key, and each form of a value at least once.
fn full_topology() -> Value {
    let call = json!({"service": "back", "path": "/", "timeout": "2s", "retries": 1, "request": "10 B"});
    let script = json!([
        {"compute": "1ms"}, {"compute": {"cpu": "1ms", "background": true}}, {"wait": "1ms"}, {"call": call},
        {"call": "cache"}, {"parallel": ["back/", {"service": "back", "path": "/"}]},
    ]);
    json!({
        "name": "full",
        "description": "Everything.",
        "services": {
            "front": {
                "port": 8080, "protocol": "http", "declared": false, "account": "front-account", "connections": "new",
                "propagate": ["x-request-id"], "ready": "/health", "memory": "1 MiB",
                "endpoints": {"/": {"script": script, "response": 12, "type": "text/html; charset=utf-8", "errors": "1%"}},
                "versions": {
                    "v1": {"weight": 2, "instances": 2, "memory": 1024},
                    "v2": {"endpoints": {"/": {"response": "5 kB", "errors": 0.5}}},
                    "v3": {"command": ["nginx", "-g"], "environment": {"LOG_LEVEL": "warn"}, "volumes": ["./a:/b:ro"]},
                },
            },
            "back": {"port": "8081", "instances": 2, "endpoints": {"/": {}}},
            "cache": {
                "port": 6379, "protocol": "tcp", "script": [{"wait": "1ms"}], "response": 8, "errors": 0,
                "versions": {"v1": {"script": [], "response": 9, "errors": "0%"}},
            },
            "web": {"port": 80, "command": ["web"], "environment": {"N": 1}, "ready": "/", "metrics": "/metrics", "restart": "always", "volumes": ["logs:/var/log/web"]},
            "exporter": {"port": 9090, "command": ["exporter"], "metrics": {"port": 9102, "path": "/metrics"}},
        },
    })
}

/// Every key of an experiment, and of each kind of load.
fn full_experiments() -> Vec<Value> {
    let least = |load: Value| json!({"name": "least", "topology": "full.yaml", "arms": {"none": {"plane": "none"}}, "load": load});
    let users = json!({"users": {
        "target": "http://back:8081/", "requests": 60, "users": 8, "think": "1s-10s", "connection": "new", "timeout": "1s",
    }});
    let rate = json!({"rate": {
        "target": "http://back:8081/", "requests": 60, "rate": 50.5, "poisson": true, "connections": 20,
        "connection": "keep", "timeout": "1s",
    }});
    vec![full_experiment(), least(users), least(rate)]
}

/// Every key of an experiment.
fn full_experiment() -> Value {
    json!({
        "name": "full",
        "topology": "full.yaml",
        "network": "routed",
        "arms": {
            "none": {"plane": "none"},
            "dear": {"plane": "none", "add": {"to": "back/", "wait": "1ms", "compute": "1ms", "response": "1 kB"}},
            "gateway": {"plane": "none", "gateway": "ingress", "preset": "istio-1.9-demo"},
            "sidecar": {"plane": "sidecar", "gateway": "none", "telemetry": "off", "concurrency": 1, "watch": "on"},
            "probed": {
                "plane": "sidecar", "probe_period": "2s", "app_probe_period": "off",
                "limits": {"cpu": 2, "memory": "1 GiB"},
            },
            "every-option": {
                "plane": "sidecar", "preset": "istio-1.9-demo", "mtls": "strict", "tls": "1.2", "metadata": "on",
                "tracing": "b3", "sampling": "1%", "access_log": "on", "retries": 3, "authz": 10, "side": "both",
                "mesh_size": 10,
            },
            "proxy": {"plane": {
                "command": ["proxy", "-c", "{{ folder }}/proxy.conf"], "template": ["proxy.conf"],
                "redirect": {"inbound": 15006, "outbound": 15001}, "ready": {"port": 15006, "path": "/ready"},
            }},
            "rules": {"plane": {
                "command": ["proxy"], "template": "proxy.conf", "redirect": {"rules": "proxy.conf"}, "ready": 15006,
            }},
            "inbound": {"plane": {"command": ["proxy"], "redirect": "inbound", "ready": 15006}},
        },
        "groups": {"first": ["none", "sidecar"], "second": ["every-option", "none", "gateway", "probed"],
            "third": ["proxy", "rules", "inbound"]},
        "load": {"sequential": {
            "target": "http://back:8081/", "requests": 60, "think": "1ms", "pace": "2ms", "connection": "new",
            "round_trip": "1ms", "timeout": "1s",
        }},
        "warmup": 5,
        "rounds": 6,
        "stands": 3,
        "ready_timeout": "2min",
        "idle": {"windows": 8, "window": "50ms"},
        "seed": 2,
        "awake": true,
        "null": true,
        "margin": "2%",
        "drop_foreign": "20%",
        "until": "latency_ms_p50<2%",
        "max_rounds": 20,
        "faults": [{"kind": "loss", "from": "front", "to": "back", "share": "10%", "at": "1s", "for": "2s"}],
    })
}

/// A folder with an agent's files, all that [`full_agent`] names.
fn agents_home() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    for (name, text) in [("tls.crt", &*certificate), ("ca.crt", &certificate), ("tls.key", &key), ("token", "sesame")] {
        fs::write(home.path().join(name), text).unwrap();
        fs::set_permissions(home.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    home
}

fn read_agent(home: &Path, file: &Value) -> Result<(), String> {
    let path = home.join("agent.yaml");
    fs::write(&path, file.to_string()).unwrap();
    Configuration::read(&path).map(drop).map_err(|failure| failure.to_string())
}

/// An agent's file with every key.
fn full_agent() -> Value {
    json!({
        "listen": "127.0.0.1:9435",
        "tls": {"certificate": "tls.crt", "key": "tls.key", "client_ca": "ca.crt"},
        "token_file": "token",
        "otlp": {
            "endpoint": "http://collector:4318", "protocol": "grpc", "interval": "60s",
            "headers": {"x-api-key": "secret", "x-tenant": 7},
        },
    })
}

#[test]
fn bundled_files_are_valid() {
    for (folder, schema) in [("topologies", TOPOLOGY), ("experiments", &experiment::schema())] {
        let validator = validator(schema);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        for file in files.filter(|file| file.is_file()) {
            let value = experiment::read_yaml(&fs::read_to_string(&file).unwrap()).unwrap();
            let faults: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(faults.is_empty(), "{}: {faults:#?}", file.display());
        }
    }
}

/// `options.yaml` shows every option of a sidecar; `watch` and `add` are in files of their own.
#[test]
fn every_key_of_an_arm_is_shown() {
    let written = |name: &str| -> Vec<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments").join(name);
        let file: Value = experiment::read_yaml(&fs::read_to_string(path).unwrap()).unwrap();
        let arms = file["arms"].as_object().unwrap().values();
        arms.flat_map(|arm| arm.as_object().unwrap().keys().cloned()).collect()
    };
    let elsewhere = [("watch", written("four-arms.yaml")), ("add", written("calibrate.yaml"))];
    let options = written("options.yaml");
    let schema: Value = serde_json::from_str(&experiment::schema()).unwrap();
    for key in schema["$defs"]["arm"]["properties"].as_object().unwrap().keys() {
        let place = elsewhere.iter().find(|(known, _)| known == key).map_or(&options, |(_, keys)| keys);
        assert!(place.contains(key), "`{key}` is nowhere to be seen");
    }
}

#[test]
fn the_schema_of_topologies_says_what_their_reader_says() {
    agree(TOPOLOGY, &[full_topology()], &read_topology);
}

#[test]
fn the_schema_of_experiments_says_what_their_reader_says() {
    let home = home();
    agree(&experiment::schema(), &full_experiments(), &|file| read_experiment(home.path(), file));
}

#[test]
fn the_schema_of_agents_says_what_their_reader_says() {
    let home = agents_home();
    agree(AGENT, &[full_agent()], &|file| read_agent(home.path(), file));
}

/// The installed file of the agent is valid, as it is and with every key that it shows.
#[test]
fn the_installed_file_of_the_agent_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/agent.yaml");
    Configuration::read(&path).unwrap();
    let text = fs::read_to_string(path).unwrap();
    let is_prose = |line: &&str| line.starts_with("# ") && !line.starts_with("#  ");
    let shown = text.lines().filter(|line| !is_prose(line)).map(|line| line.trim_start_matches('#'));
    let value: Value = topology::read_yaml(&shown.collect::<Vec<_>>().join("\n")).unwrap();
    let faults: Vec<String> = validator(AGENT).iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    assert_eq!(value.as_object().unwrap().len(), 4, "{value}");
}

/// Reader and schema accept `files`, which together have every key of the schema; they agree on the keys of every object in
/// them; and whatever the reader accepts with a key less or another value, the schema accepts.
fn agree(schema: &str, files: &[Value], read: Reader) {
    let known = validator(schema);
    let keys: Vec<String> = files.iter().flat_map(|file| agree_on(&known, file, read)).collect();
    let schema: Value = serde_json::from_str(schema).unwrap();
    let unused: Vec<String> = properties(&schema).into_iter().filter(|key| !keys.contains(key)).collect();
    assert!(unused.is_empty(), "this test's files lack {unused:?}");
}

/// Checks one file; returns its keys.
fn agree_on(validator: &Validator, file: &Value, read: Reader) -> Vec<String> {
    read(file).unwrap();
    assert!(validator.is_valid(file), "{:#?}", validator.iter_errors(file).map(|e| e.to_string()).collect::<Vec<_>>());
    let mut keys = Vec::new();
    for place in places(file) {
        let at = |file: &Value| file.pointer(&place).cloned().unwrap();
        if let Value::Object(object) = at(file) {
            keys.extend(object.keys().cloned());
            same_keys(validator, file, &place, read);
            for key in object.keys() {
                let less = changed(file, &place, |value| drop(value.as_object_mut().unwrap().remove(key)));
                no_stricter(validator, &less, read);
            }
        }
        // Null and true are left out: the reader takes them for an absent key and the text `true`, the schemas for
        // mistakes.
        for value in [json!(0), json!(-1), json!(1.5), json!("x"), json!("9"), json!([]), json!({})] {
            no_stricter(validator, &changed(file, &place, |old| *old = value), read);
        }
    }
    keys
}

/// Adds an unknown key. The refusal lists the keys that the reader knows; they must be the schema's.
fn same_keys(validator: &Validator, file: &Value, place: &str, read: Reader) {
    const STRANGER: &str = "zz-stranger";
    let with = |key: &str, value: Value| {
        changed(file, place, |object| drop(object.as_object_mut().unwrap().insert(key.to_owned(), value)))
    };
    let stranger = with(STRANGER, json!({}));
    let Err(told) = read(&stranger) else {
        return assert!(
            validator.is_valid(&stranger),
            "the schema knows no `{STRANGER}` in {place}, the reader takes it"
        );
    };
    let Some((_, known)) = told.split_once("the keys here are ").or_else(|| told.split_once("write one of ")) else {
        return;
    };
    assert!(!validator.is_valid(&stranger), "the schema takes `{STRANGER}` in {place}, the reader does not");
    for key in known.split('`').skip(1).step_by(2) {
        // The value is wrong, but the schema must not complain about the key.
        let refused = |error: &jsonschema::ValidationError| error.to_string().contains("dditional properties");
        let file = with(key, json!({}));
        let fault = validator.iter_errors(&file).find(refused).map(|error| error.to_string());
        assert!(fault.is_none(), "the schema lacks `{key}` in {place}: {fault:?}");
    }
}

fn no_stricter(validator: &Validator, file: &Value, read: Reader) {
    if read(file).is_ok() {
        let told = |error: jsonschema::ValidationError| format!("{}: {error}", error.instance_path());
        let faults: Vec<String> = validator.iter_errors(file).map(told).collect();
        assert!(faults.is_empty(), "the reader takes what the schema refuses: {faults:?} in {file:#}");
    }
}

fn changed(file: &Value, place: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut file = file.clone();
    change(file.pointer_mut(place).expect("places are those of the file"));
    file
}

/// JSON pointers to every value of a file.
fn places(value: &Value) -> Vec<String> {
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(key, value)| (key.replace('/', "~1"), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let below =
        parts.iter().flat_map(|(key, value)| places(value).into_iter().map(move |rest| format!("/{key}{rest}")));
    std::iter::once(String::new()).chain(below).collect()
}

/// Every key that a schema names.
fn properties(schema: &Value) -> Vec<String> {
    let own = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned();
    let parts: Vec<&Value> = match schema {
        Value::Object(object) => object.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    own.chain(parts.into_iter().flat_map(properties)).collect()
}
