//! Ports of which nobody said what they speak: sidecars look at the first bytes.

use serde_json::{Value, json};

use crate::extension::extension;

/// What Envoy calls the HTTP that it hands on as HTTP. HTTP/2 without TLS, which Istio would recognise too, passes as bytes.
const HTTP: [&str; 2] = ["http/1.0", "http/1.1"];

/// What a caller's sidecar offers for what it found to be HTTP. The other side's chains tell by it.
const OFFERED: &str = "istio-http/1.1,istio,http/1.1";

/// Names that only a caller's sidecar offers, for HTTP.
const OFFERED_FOR_HTTP: [&str; 3] = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];

/// Looks for HTTP in what is dialled, but not at these ports, of which is known what they speak.
pub(super) fn inspecting_all_but(ports: &[u16]) -> Value {
    let mut filter = inspector();
    let is = |&port: &u16| json!({"destination_port_range": {"start": port, "end": u32::from(port) + 1}});
    let known = ports.iter().map(is).reduce(|one, other| json!({"or_match": {"rules": [one, other]}}));
    if let Some(known) = known {
        filter["filter_disabled"] = known;
    }
    filter
}

/// An inbound chain that takes HTTP alone: what the caller's sidecar found out, it offers; plaintext is looked at here.
pub(super) fn taking_http(mut chain: Value) -> Value {
    let wanted = &mut chain["filter_chain_match"];
    let names = if wanted["transport_protocol"] == "tls" { json!(OFFERED_FOR_HTTP) } else { json!(HTTP) };
    wanted["application_protocols"] = names;
    chain
}

/// An outbound listener whose only chain is for HTTP, so that it takes HTTP alone and hands everything else to `otherwise`.
pub(super) fn sniffing(mut listener: Value, otherwise: Value) -> Value {
    listener["listener_filters"] = json!([inspector()]);
    listener["filter_chains"][0]["filter_chain_match"] = json!({"application_protocols": HTTP});
    listener["default_filter_chain"] = json!({"filters": [otherwise]});
    listener
}

/// The routes to the only service of a listener: its name, and every host.
pub(super) fn routes(mut host: Value) -> Value {
    let name = host["name"].clone();
    host["domains"] = json!(["*"]);
    json!({"name": name, "validate_clusters": false, "virtual_hosts": [host]})
}

/// A connection manager that has its upstream connections say that they carry HTTP, as Istio's `istio.alpn` filter does
/// for each request: connections of the same cluster that carry bytes do not.
pub(crate) fn offering_http(mut manager: Value) -> Value {
    let filter = extension(
        "envoy.filters.http.set_filter_state",
        "envoy.extensions.filters.http.set_filter_state.v3.Config",
        json!({"on_request_headers": [{
            "object_key": "envoy.network.application_protocols",
            "format_string": {"text_format_source": {"inline_string": OFFERED}},
            "shared_with_upstream": "ONCE",
        }]}),
    );
    let filters = manager["typed_config"]["http_filters"].as_array_mut().expect("a connection manager has filters");
    // The last one is the router.
    filters.insert(filters.len().saturating_sub(1), filter);
    manager
}

fn inspector() -> Value {
    extension(
        "envoy.filters.listener.http_inspector",
        "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
        json!({}),
    )
}
