//! Ports without a declared protocol, for which sidecars inspect the first bytes.

use serde_json::{Value, json};

use crate::INBOUND_PORT;
use crate::extension::extension;

/// Envoy's name for detected HTTP/1.1, and the ALPN names that a caller's sidecar then offers, which the callee's
/// chains match.
const HTTP_1: (&str, &str) = ("http/1.1", "istio-http/1.1,istio,http/1.1");

/// The same names for HTTP/2 without TLS, whose preface a client sends if it knows that the server understands it.
const HTTP_2: (&str, &str) = ("h2c", "istio-h2,istio,h2");

/// The protocols that are handled as HTTP. HTTP/1.0 is not, because Istio treats it as bytes.
const HTTP: [&str; 2] = [HTTP_1.0, HTTP_2.0];

/// ALPN names that only a caller's sidecar offers, for HTTP.
const OFFERED_FOR_HTTP: [&str; 3] = ["istio-http/1.0", "istio-http/1.1", "istio-h2"];

/// The listener filter that detects HTTP, except on these ports, whose protocol is known.
pub(super) fn inspecting_all_but(ports: &[u16]) -> Value {
    let mut filter = inspector();
    let mut known = [&[INBOUND_PORT], ports].concat();
    known.sort_unstable();
    let known: Vec<Value> = known.into_iter().map(at).collect();
    filter["filter_disabled"] =
        if let [one] = &known[..] { one.clone() } else { json!({"or_match": {"rules": known}}) };
    filter
}

/// Matches connections to a port.
pub(super) fn at(port: u16) -> Value {
    json!({"destination_port_range": {"start": port, "end": u32::from(port) + 1}})
}

/// An inbound chain that only takes HTTP. The caller's sidecar offers what it detected; plaintext is inspected here.
pub(super) fn taking_http(mut chain: Value) -> Value {
    let wanted = &mut chain["filter_chain_match"];
    let names = if wanted["transport_protocol"] == "tls" { json!(OFFERED_FOR_HTTP) } else { json!(HTTP) };
    wanted["application_protocols"] = names;
    chain
}

/// Turns an outbound listener with a single HTTP chain into one that only takes HTTP, and hands everything else to
/// `otherwise`.
///
/// The chain is there twice, because each request's offer depends on what was detected. Istio's filter reads that; ours
/// cannot.
pub(super) fn sniffing(mut listener: Value, otherwise: Value) -> Value {
    let chain = &listener["filter_chains"][0];
    let speaking = |(found, offered)| {
        let mut chain = chain.clone();
        chain["filter_chain_match"] = wanted(&[found]);
        chain["filters"] =
            chain["filters"].as_array().into_iter().flatten().map(|filter| offering(filter, offered)).collect();
        chain
    };
    listener["filter_chains"] = [HTTP_1, HTTP_2].map(speaking).into_iter().collect();
    listener["listener_filters"] = json!([inspector()]);
    listener["default_filter_chain"] = json!({"filters": [otherwise], "transport_socket_connect_timeout": "15s"});
    listener
}

/// An outbound listener of a port that is declared as HTTP. Other protocols go to `passage`, to their original
/// destination.
pub(super) fn passing_on(mut listener: Value, passage: Value) -> Value {
    listener["listener_filters"] = json!([inspector()]);
    listener["filter_chains"][0]["filter_chain_match"] = wanted(&HTTP);
    listener["default_filter_chain"] =
        json!({"name": "PassthroughFilterChain", "filter_chain_match": {}, "filters": [passage]});
    listener
}

fn wanted(found: &[&str]) -> Value {
    json!({"transport_protocol": "raw_buffer", "application_protocols": found})
}

/// A connection manager whose upstream connections announce HTTP/1.1, as Istio's `istio.alpn` filter does for each
/// request. Connections of the same cluster that carry bytes do not.
pub(crate) fn offering_http(manager: &Value) -> Value {
    offering(manager, HTTP_1.1)
}

/// A connection manager whose upstream connections offer these ALPN names.
fn offering(manager: &Value, offered: &str) -> Value {
    let mut manager = manager.clone();
    let filter = extension(
        "envoy.filters.http.set_filter_state",
        "envoy.extensions.filters.http.set_filter_state.v3.Config",
        json!({"on_request_headers": [{
            "object_key": "envoy.network.application_protocols",
            "format_string": {"text_format_source": {"inline_string": offered}},
            "shared_with_upstream": "ONCE",
        }]}),
    );
    let filters = manager["typed_config"]["http_filters"].as_array_mut().expect("a connection manager has filters");
    // The last filter is the router.
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
