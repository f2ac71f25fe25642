//! Every option changes what it names and nothing else: Envoy's configuration as Envoy tells it, the headers that
//! applications see, and the counters that there are, beside those of sidecars without the option.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::work::workers;
use super::{TOPOLOGY, admin, printed, stand};
use testbed::Kept;

/// Arms beside the baseline that stand at once.
const STANDING: usize = 5;
/// The pods that have a sidecar.
const PODS: [&str; 2] = ["client", "echo-v1"];
const HTTP: &str = "http://echo:9000/";

/// An option, and all that it changes.
struct Change {
    arm: &'static str,
    keys: &'static str,
    /// Where the configuration differs, by place: `**` stands for any way, `*` within a part for any of it.
    configuration: &'static [&'static str],
    /// Headers that are there (`+`) or missing (`-`): in the request as the application sees it, in the answer as its
    /// caller does.
    headers: &'static [&'static str],
    /// Counters that are there or missing, by pod.
    counters: &'static [&'static str],
}

const CHANGES: [Change; 15] = [
    Change {
        arm: "permissive",
        keys: "mtls: permissive",
        configuration: &[
            "echo-v1/**/filter_chains/0.0.0.0_9000/filter_chain_match/application_protocols",
            "echo-v1/**/filter_chains/0.0.0.0_9000#1",
            "**/filter_chains/virtualInbound/filter_chain_match/application_protocols",
            "**/filter_chains/virtualInbound#*",
            "**/filter_chains/virtualInbound-catchall-http#1",
            "**/virtualInbound/listener/listener_filters/envoy.filters.listener.http_inspector",
        ],
        headers: &[],
        counters: &[],
    },
    Change {
        arm: "plaintext",
        keys: "mtls: off",
        configuration: &[
            "client/**/outbound|9000||echo.default.svc.cluster.local/**/filter_metadata/envoy.transport_socket_match",
            "echo-v1/**/outbound|9000||echo.default.svc.cluster.local/**/filter_metadata/envoy.transport_socket_match",
            "echo-v1/**/filter_chains/0.0.0.0_9000/filter_chain_match/transport_protocol",
            "echo-v1/**/filter_chains/0.0.0.0_9000/transport_socket",
            "echo-v1/**/filter_chains/0.0.0.0_9000/**/stat/tags/connection_security_policy",
            "**/filter_chains/virtualInbound*/filter_chain_match/transport_protocol",
            "**/filter_chains/virtualInbound-catchall-http/filter_chain_match/application_protocols",
            "**/filter_chains/virtualInbound*/transport_socket",
            "**/filter_chains/virtualInbound*/**/stat/tags/connection_security_policy",
            "**/outbound|9000||echo.default.svc.cluster.local/cluster/transport_socket_matches",
            "**/virtualInbound/listener/listener_filters/envoy.filters.listener.http_inspector",
            "**/virtualInbound/listener/listener_filters/envoy.filters.listener.tls_inspector",
        ],
        headers: &["-request x-forwarded-client-cert"],
        counters: &[],
    },
    Change {
        arm: "tls-1-2",
        keys: "tls: 1.2",
        configuration: &["**/static_clusters/outbound|*/**/tls_maximum_protocol_version"],
        headers: &[],
        counters: &[],
    },
    Change {
        arm: "silent",
        keys: "metadata: off",
        configuration: &[
            "**/0.0.0.0_*/**/route_config/request_headers_to_add/x-envoy-peer-metadata*",
            "**/0.0.0.0_*/**/route_config/response_headers_to_remove",
            "**/virtualInbound/**/http_filters/envoy.filters.http.header_to_metadata",
            "**/virtualInbound/**/access_log/envoy.access_loggers.stats/**/source_*",
            "**/virtualInbound/**/route_config/request_headers_to_remove",
            "**/virtualInbound/**/virtual_hosts/inbound|http|*/routes/from-the-mesh",
        ],
        headers: &[],
        counters: &[],
    },
    Change {
        arm: "b3",
        keys: "tracing: b3, sampling: 100%",
        configuration: &["**/outbound|9411||zipkin.default.svc.cluster.local/cluster", "**/typed_config/tracing"],
        headers: &[
            "+request x-b3-parentspanid",
            "+request x-b3-sampled",
            "+request x-b3-spanid",
            "+request x-b3-traceid",
        ],
        counters: &[],
    },
    Change {
        arm: "traceparent",
        keys: "tracing: traceparent",
        configuration: &[
            "**/outbound|4318||otel-collector.default.svc.cluster.local/cluster",
            "**/typed_config/tracing",
        ],
        headers: &["+request traceparent", "+request tracestate"],
        counters: &[],
    },
    Change {
        arm: "logged",
        keys: "access_log: on",
        configuration: &["**/access_log/envoy.access_loggers.file"],
        headers: &[],
        counters: &[],
    },
    Change {
        arm: "eager",
        keys: "retries: 5",
        configuration: &["**/retry_policy/num_retries"],
        headers: &[],
        counters: &[],
    },
    Change {
        arm: "guarded",
        keys: "authz: 3",
        configuration: &[
            "**/virtualInbound/**/http_filters/envoy.filters.http.rbac",
            "**/virtualInbound/**/filters/envoy.filters.network.rbac",
        ],
        headers: &[],
        counters: &["+client envoy_http_rbac", "+client envoy_tcp", "+echo-v1 envoy_http_rbac", "+echo-v1 envoy_tcp"],
    },
    Change {
        arm: "three",
        keys: "concurrency: 3",
        configuration: &[
            "client/command/concurrency",
            "client/workers",
            "echo-v1/command/concurrency",
            "echo-v1/workers",
        ],
        headers: &[],
        counters: &[],
    },
    // No sidecar at the client; the one at the called end takes plaintext and leads no call out.
    Change {
        arm: "server",
        keys: "side: server",
        configuration: &[
            "client",
            "echo-v1/rules",
            "echo-v1/**/outbound|9000||echo.default.svc.cluster.local/**/filter_metadata/envoy.transport_socket_match",
            "echo-v1/**/filter_chains/0.0.0.0_9000/filter_chain_match/application_protocols",
            "echo-v1/**/filter_chains/0.0.0.0_9000#1",
            "echo-v1/**/filter_chains/virtualInbound/filter_chain_match/application_protocols",
            "echo-v1/**/filter_chains/virtualInbound#*",
            "echo-v1/**/filter_chains/virtualInbound-catchall-http#1",
            "echo-v1/**/virtualInbound/listener/listener_filters/envoy.filters.listener.http_inspector",
        ],
        headers: &[
            "+answer x-envoy-decorator-operation",
            "-request x-envoy-attempt-count",
            "-request x-forwarded-client-cert",
        ],
        counters: &["-client *"],
    },
    // Nobody takes off what the caller's sidecar tells. The other one, by which no request passes, is there for calls out.
    Change {
        arm: "caller",
        keys: "side: client",
        configuration: &[
            "client/rules",
            "client/**/outbound|9000||echo.default.svc.cluster.local/**/filter_metadata/envoy.transport_socket_match",
            "echo-v1/rules",
            "echo-v1/**/outbound|9000||echo.default.svc.cluster.local/**/filter_metadata/envoy.transport_socket_match",
            "echo-v1/**/filter_chains/0.0.0.0_9000/filter_chain_match/application_protocols",
            "echo-v1/**/filter_chains/0.0.0.0_9000#1",
            "**/filter_chains/virtualInbound/filter_chain_match/application_protocols",
            "**/filter_chains/virtualInbound#*",
            "**/filter_chains/virtualInbound-catchall-http#1",
            "**/virtualInbound/listener/listener_filters/envoy.filters.listener.http_inspector",
        ],
        headers: &[
            "+request x-envoy-decorator-operation",
            "+request x-envoy-peer-metadata",
            "+request x-envoy-peer-metadata-id",
            "-request x-forwarded-client-cert",
        ],
        counters: &["-echo-v1 envoy_cluster_upstream_rq_retry", "-echo-v1 envoy_istio_requests_total"],
    },
    Change {
        arm: "large",
        keys: "mesh_size: 20",
        configuration: &["**/static_clusters/outbound|9000||further-*", "**/virtual_hosts/further-*"],
        headers: &[],
        counters: &[],
    },
    Change {
        arm: "quiet",
        keys: "telemetry: off",
        configuration: &[
            "**/access_log/envoy.access_loggers.stats*",
            "**/access_log_options/flush_access_log_on_connected",
            "**/virtualInbound/**/http_filters/envoy.filters.http.header_to_metadata",
        ],
        headers: &[],
        counters: &["-client envoy_istio_requests_total", "-echo-v1 envoy_istio_requests_total"],
    },
    // What is asked of Envoy from outside, and what it may use, is no matter of its configuration.
    Change {
        arm: "bounded",
        keys: "probe_period: 2s, app_probe_period: 2s, limits: {cpu: 1, memory: 512 MiB}",
        configuration: &[],
        headers: &[],
        counters: &[],
    },
];

#[test]
fn no_option_changes_anything_else() {
    let mut unlike = Vec::new();
    for changes in CHANGES.chunks(STANDING) {
        let lab = stand(TOPOLOGY, &experiment(changes));
        let base = Picture::of(&lab, "sidecar");
        for change in changes {
            unlike.extend(unlike_told(change, &base, &Picture::of(&lab, change.arm)));
        }
        assert!(!lab.run.measurement["cautions"].to_string().contains("concurrency"), "workers are as many as asked");
    }
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
}

fn experiment(changes: &[Change]) -> String {
    let arms: String =
        changes.iter().map(|change| format!("  {}: {{plane: sidecar, {}}}\n", change.arm, change.keys)).collect();
    format!(
        "name: rest\ntopology: topology.yaml\narms:\n  sidecar: {{plane: sidecar}}\n{arms}load:\n  sequential: \
         {{target: '{HTTP}', requests: 4}}\nwarmup: 0\nrounds: 1\nidle: {{windows: 8, window: 50ms}}\n"
    )
}

/// What an option changed and its [`Change`] does not say, and the other way round.
fn unlike_told(change: &Change, base: &Picture, seen: &Picture) -> Vec<String> {
    let mut unlike = Vec::new();
    let places = difference(&base.configuration, &seen.configuration);
    let is_told = |place: &&Vec<String>| change.configuration.iter().any(|told| covers(&parts(told), place));
    unlike.extend(places.iter().filter(|place| !is_told(place)).map(|place| format!("changes {}", place.join("/"))));
    let is_idle = |told: &&&str| !places.iter().any(|place| covers(&parts(told), place));
    unlike.extend(change.configuration.iter().filter(is_idle).map(|told| format!("does not change {told}")));
    for (from, to, told) in
        [(&base.headers, &seen.headers, change.headers), (&base.counters, &seen.counters, change.counters)]
    {
        let more = to.difference(from).map(|name| format!("+{name}"));
        let changed: Vec<String> = more.chain(from.difference(to).map(|name| format!("-{name}"))).collect();
        let is_told = |name: &&String| told.iter().any(|told| is_like(told, name));
        unlike.extend(changed.iter().filter(|name| !is_told(name)).cloned());
        let is_idle = |told: &&&str| !changed.iter().any(|name| is_like(told, name));
        unlike.extend(told.iter().filter(is_idle).map(|told| format!("no {told}")));
    }
    unlike.into_iter().map(|line| format!("{}: {line}", change.keys)).collect()
}

/// What can be seen of an arm.
struct Picture {
    /// Every value of the configuration, by its place.
    configuration: BTreeMap<Vec<String>, String>,
    headers: BTreeSet<String>,
    counters: BTreeSet<String>,
}

impl Picture {
    fn of(lab: &Kept, arm: &str) -> Picture {
        let mut picture =
            Picture { configuration: BTreeMap::new(), headers: headers(lab, arm), counters: BTreeSet::new() };
        let stands = |pod: &&str| lab.run.folder.join(format!("planes/{arm}/{pod}/bootstrap.json")).exists();
        for pod in PODS.into_iter().filter(stands) {
            let configuration = configuration(lab, arm, pod);
            flatten(&configuration, &mut vec![pod.to_owned()], &mut picture.configuration);
            let text = admin(lab, arm, pod, "/stats/prometheus");
            let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"));
            picture.counters.extend(names.map(|name| format!("{pod} {name}")));
        }
        picture
    }
}

/// What a sidecar runs on: its rules, its command line, its workers, and what Envoy dumps of its configuration but for
/// what is in there twice, and for what it was built with.
fn configuration(lab: &Kept, arm: &str, pod: &str) -> Value {
    let asked = |path: &str| -> Value { serde_json::from_str(&admin(lab, arm, pod, path)).unwrap() };
    let mut dump = asked("/config_dump");
    let configs = dump["configs"].as_array_mut().expect("a dump has parts");
    // Routes stand in their listeners, too.
    configs.retain(|part| !part["@type"].as_str().unwrap().ends_with("RoutesConfigDump"));
    for part in configs {
        for twice in ["/bootstrap/static_resources", "/bootstrap/node/extensions"] {
            part.pointer_mut(twice).map(Value::take);
        }
    }
    serde_json::json!({
        "rules": lab.run.file(&format!("planes/{arm}/{pod}/redirect.nft")),
        "command": asked("/server_info")["command_line_options"],
        "workers": workers(lab, arm, pod).len(),
        "dump": dump["configs"],
    })
}

/// Every value below `value`, by its place. Members of a list that have a name are known by it (the second of a name by
/// `#1`), so that one more does not move the others.
fn flatten(value: &Value, place: &mut Vec<String>, into: &mut BTreeMap<Vec<String>, String>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => {
            let mut parts: Vec<String> = Vec::new();
            for (number, member) in list.iter().enumerate() {
                let name = name(member).unwrap_or_else(|| number.to_string());
                let again = parts.iter().filter(|part| part.split('#').next() == Some(&name)).count();
                parts.push(if again == 0 { name } else { format!("{name}#{again}") });
            }
            parts.into_iter().zip(list).collect()
        }
        leaf => {
            into.insert(place.clone(), leaf.to_string());
            return;
        }
    };
    // When something was loaded is no part of it.
    for (part, member) in members.into_iter().filter(|(part, _)| part != "last_updated") {
        place.push(part);
        flatten(member, place, into);
        place.pop();
    }
}

/// A chain for plaintext is known by the name of the one for TLS, so that one can stand in the other's place.
fn name(member: &Value) -> Option<String> {
    let places = ["/name", "/cluster/name", "/listener/name", "/header/key"];
    let name = places.iter().find_map(|place| member.pointer(place)?.as_str());
    let kind = || member["@type"].as_str()?.rsplit('.').next();
    name.map(|name| name.strip_suffix("-plaintext").unwrap_or(name)).or_else(kind).map(str::to_owned)
}

/// Names of headers in the application's request and in its caller's answer.
fn headers(lab: &Kept, arm: &str) -> BTreeSet<String> {
    let curl = ["curl", "--silent", "--show-error", "--include", "--max-time", "5", HTTP];
    let said = printed(&lab.enter(arm, "client", &curl));
    let (head, body) = said.split_once("\r\n\r\n").expect("an answer has a head and a body");
    let answer = head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(name, _)| ("answer", name));
    let seen: Value = serde_json::from_str(body).unwrap();
    let request = seen["headers"].as_object().unwrap().keys().map(|name| ("request", name.as_str()));
    answer.chain(request).map(|(of, name)| format!("{of} {}", name.to_ascii_lowercase())).collect()
}

/// Places whose value is another, or that only one of the two has.
fn difference(from: &BTreeMap<Vec<String>, String>, to: &BTreeMap<Vec<String>, String>) -> Vec<Vec<String>> {
    let all: BTreeSet<&Vec<String>> = from.keys().chain(to.keys()).collect();
    all.into_iter().filter(|place| from.get(*place) != to.get(*place)).cloned().collect()
}

fn parts(told: &str) -> Vec<&str> {
    told.split('/').collect()
}

/// Whether a place is `told`, or below it.
fn covers(told: &[&str], place: &[String]) -> bool {
    let Some((first, rest)) = told.split_first() else { return true };
    if *first == "**" {
        return (0..=place.len()).any(|skipped| covers(rest, &place[skipped..]));
    }
    place.split_first().is_some_and(|(part, below)| is_like(first, part) && covers(rest, below))
}

fn is_like(told: &str, word: &str) -> bool {
    let Some((start, end)) = told.split_once('*') else { return word == told };
    word.strip_prefix(start).is_some_and(|rest| rest.ends_with(end))
}
