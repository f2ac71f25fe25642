//! A common form for both: a line for each scalar, with its path. Names and addresses that depend on the place are
//! removed. What xDS serves there and files hold here gets one name.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Namespace of the pods in the dumps; ours are in `default`.
const NAMESPACE: &str = "mesh";

/// The lines of a configuration.
pub fn lines(bootstrap: &Value) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    write(&mut lines, "", &uniform(bootstrap));
    lines
}

/// The configuration in common words.
fn uniform(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(uniform).collect()),
        Value::Object(fields) => object(fields),
        Value::String(text) => Value::String(in_default(text)),
        Value::Null => Value::Null,
        Value::Number(number) => Value::String(number.as_f64().map_or(number.to_string(), |number| number.to_string())),
        // Protobuf's JSON writes 64-bit numbers as strings.
        other => Value::String(other.to_string()),
    }
}

fn object(fields: &Map<String, Value>) -> Value {
    let mut fields = fields.clone();
    // An extension that the control plane cannot name is written out.
    if let (Some(kind), Some(inner)) = (fields.get("type_url").cloned(), fields.get("value").cloned()) {
        fields = inner.as_object().cloned().unwrap_or_default();
        fields.insert("@type".to_owned(), kind);
    }
    // Go's protobuf library spells it this way.
    if let Some(value) = fields.remove("proxy100_continue") {
        fields.insert("proxy_100_continue".to_owned(), value);
    }
    certificates(&mut fields);
    endpoints(&mut fields);
    both_http(&mut fields);
    addresses(&mut fields);
    Value::Object(fields.iter().map(|(key, value)| (policy(key), uniform(value))).collect())
}

/// The names of an authorization policy's rules. Its place and name depend on the cluster.
fn policy(key: &str) -> String {
    match key.split_once("]-rule[") {
        Some((policy, rule)) if policy.starts_with("ns[") => format!("rule[{rule}"),
        _ => key.to_owned(),
    }
}

/// Merges two outbound chains for detected protocols, one for HTTP/1.1 and one for HTTP/2, into one for both.
fn both_http(fields: &mut Map<String, Value>) {
    const BOTH: [&str; 2] = ["http/1.1", "h2c"];
    let Some(chains) = fields.get_mut("filter_chains").and_then(Value::as_array_mut) else { return };
    let takes = |chain: &Value, one: &str| chain["filter_chain_match"]["application_protocols"] == json!([one]);
    if BOTH.iter().all(|one| chains.iter().any(|chain| takes(chain, one))) {
        for chain in chains.iter_mut().filter(|chain| BOTH.iter().any(|one| takes(chain, one))) {
            chain["filter_chain_match"]["application_protocols"] = json!(BOTH);
        }
    }
}

/// Replaces the certificate and root, which the agent's socket serves there and files hold here. Names of peers have
/// two spellings.
fn certificates(fields: &mut Map<String, Value>) {
    let own = ["tls_certificate_sds_secret_configs", "tls_certificates"].map(|key| fields.remove(key).is_some());
    if own.contains(&true) {
        fields.insert("certificate".to_owned(), json!("own"));
    }
    let combined =
        fields.remove("combined_validation_context").map(|mut both| both["default_validation_context"].take());
    if let Some(validation) = combined.or_else(|| fields.remove("validation_context")) {
        let typed = super::dump::list(&validation["match_typed_subject_alt_names"]).iter().map(|one| &one["matcher"]);
        let peers: Vec<&Value> = typed.chain(super::dump::list(&validation["match_subject_alt_names"])).collect();
        fields.insert("peers".to_owned(), json!(peers));
    }
}

/// Replaces the endpoints of a cluster, which xDS serves there and are written here. Their addresses depend on the
/// place.
fn endpoints(fields: &mut Map<String, Value>) {
    let is_outbound = fields.get("name").and_then(Value::as_str).is_some_and(|name| name.starts_with("outbound|"));
    let is_served = fields.remove("eds_cluster_config").is_some();
    if is_served || (is_outbound && fields.remove("load_assignment").is_some()) {
        fields.insert("type".to_owned(), json!("endpoints"));
    }
}

/// Replaces virtual addresses. A listener is identified by the cluster behind it, and by any name of a service.
fn addresses(fields: &mut Map<String, Value>) {
    let is_address = |text: &str| text.starts_with("10.");
    if let Some(Value::Array(domains)) = fields.get("domains") {
        let name = |domain: &Value| domain.as_str().map_or(String::new(), in_default);
        let names: BTreeSet<String> = domains.iter().map(name).collect();
        let names: Vec<String> =
            names.into_iter().map(|name| if is_address(&name) { "ADDRESS".to_owned() } else { name }).collect();
        fields.insert("domains".to_owned(), json!({"names": names.join(" ")}));
    }
    let named = fields.get("name").and_then(Value::as_str).filter(|name| is_address(name)).map(str::to_owned);
    if let (Some(name), true) = (named, fields.contains_key("filter_chains")) {
        let port = name.rsplit('_').next().unwrap_or_default();
        let chains = fields["filter_chains"].to_string()
            + &fields.get("default_filter_chain").map_or(String::new(), Value::to_string);
        let cluster = chains.split('"').find(|word| word.starts_with("outbound|")).unwrap_or("nobody");
        fields.insert("name".to_owned(), json!(format!("{} of {cluster}", port)));
        fields.insert("address".to_owned(), json!(format!("ADDRESS:{port}")));
        let text = Value::Object(fields.clone()).to_string().replace(&name, &format!("ADDRESS_{port}"));
        *fields = serde_json::from_str(&text).expect("an address holds no sign that JSON escapes");
    }
}

/// Moves names into the namespace of ours.
fn in_default(text: &str) -> String {
    let text = text
        .replace(&format!(".{NAMESPACE}.svc"), ".default.svc")
        .replace(&format!("/ns/{NAMESPACE}/"), "/ns/default/");
    match text.as_str() {
        NAMESPACE => "default".to_owned(),
        "0.250s" => "0.25s".to_owned(),
        other => {
            other.strip_suffix(&format!(".{NAMESPACE}")).map_or(other.to_owned(), |name| format!("{name}.default"))
        }
    }
}

fn write(lines: &mut BTreeSet<String>, path: &str, value: &Value) {
    match value {
        Value::Object(fields) if fields.is_empty() => drop(lines.insert(format!("{path} = {{}}"))),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| write(lines, &format!("{path}/{key}"), value)),
        Value::Array(items) if items.iter().all(|item| item.is_string()) => {
            let mut words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            // Any of these may match, so their order does not matter.
            if path.ends_with("/application_protocols") {
                words.sort_unstable();
            }
            lines.insert(format!("{path} = [{}]", words.join(", ")));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                write(lines, &format!("{path}[{}]", key_of(item).unwrap_or_else(|| index.to_string())), item);
            }
        }
        other => drop(lines.insert(format!("{path} = {}", other.as_str().unwrap_or_default()))),
    }
}

/// The part of a list's item that identifies it, wherever it stands.
fn key_of(item: &Value) -> Option<String> {
    let matched = |item: &Value| {
        let wanted = &item["filter_chain_match"];
        let words =
            ["destination_port", "transport_protocol"].map(|key| wanted[key].as_str().unwrap_or("any").to_owned());
        let mut protocols: Vec<&str> =
            super::dump::list(&wanted["application_protocols"]).iter().filter_map(Value::as_str).collect();
        protocols.sort_unstable();
        format!("{} {}", words.join(" "), protocols.join("+"))
    };
    if item.get("filters").is_some() && item.get("connect_timeout").is_none() {
        return Some(matched(item));
    }
    ["name", "tag", "tag_name"].iter().find_map(|key| item[*key].as_str().map(str::to_owned))
}
