use std::net::Ipv4Addr;

use serde_json::{Value, json};
use topology::Protocol;

use super::http::connection_manager;
use super::{silent_tcp_proxy, sniffed, socket_address, tcp_proxy};
use crate::cluster::{BLACK_HOLE, inbound_name};
use crate::extension::extension;
use crate::telemetry::Reporter;
use crate::{Files, INBOUND_PORT, Mtls, Port, Sidecar, Workload, authorization, fqdn, peer, tls};

/// The listener for all that reaches the pod. Each declared port has a chain for mutual TLS, one for plaintext, or both;
/// Envoy closes a connection of another kind, and one to an undeclared port, for want of a chain.
pub(crate) fn inbound(workload: &Workload, files: &Files, options: &Sidecar) -> Value {
    let mut chains = vec![black_hole()];
    chains.extend(workload.ports.iter().flat_map(|&port| of_port(workload, port, files, options)));
    json!({
        "name": "virtualInbound",
        "traffic_direction": "INBOUND",
        "address": socket_address(Ipv4Addr::UNSPECIFIED, INBOUND_PORT),
        "continue_on_listener_filters_timeout": true,
        "listener_filters_timeout": "0s",
        "max_connections_to_accept_per_socket_event": 1,
        "listener_filters": listener_filters(workload, options),
        "filter_chains": chains,
    })
}

fn listener_filters(workload: &Workload, options: &Sidecar) -> Vec<Value> {
    // Restores the port that was dialled, which the chains match.
    let original = extension(
        "envoy.filters.listener.original_dst",
        "envoy.extensions.filters.listener.original_dst.v3.OriginalDst",
        json!({}),
    );
    let tls = extension(
        "envoy.filters.listener.tls_inspector",
        "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
        json!({"initial_read_buffer_size": 512}),
    );
    // What comes encrypted says what it is: only plaintext is looked at.
    let undeclared = workload.ports.iter().filter(|port| !port.declared && options.mtls != Mtls::Strict);
    let http = undeclared.map(|port| sniffed::inspecting(port.number));
    [original, tls].into_iter().chain(http).collect()
}

/// A direct dial of this port would lead back to it.
fn black_hole() -> Value {
    json!({
        "name": "virtualInbound-blackhole",
        "filter_chain_match": {"destination_port": INBOUND_PORT},
        "filters": [silent_tcp_proxy(BLACK_HOLE)],
    })
}

/// A port of which nobody said what it speaks has its chains twice: for what is found to be HTTP, and for all else.
fn of_port(workload: &Workload, port: Port, files: &Files, options: &Sidecar) -> Vec<Value> {
    if port.declared {
        return chains(workload, port, files, options);
    }
    let speaking = |protocol| chains(workload, Port { protocol, ..port }, files, options);
    speaking(Protocol::Http).into_iter().map(sniffed::taking_http).chain(speaking(Protocol::Tcp)).collect()
}

fn chains(workload: &Workload, port: Port, files: &Files, options: &Sidecar) -> Vec<Value> {
    let mutual = (options.mtls != Mtls::Off).then(|| mutual(workload, port, files, options));
    let plain = (options.mtls != Mtls::Strict).then(|| plain(workload, port, options));
    mutual.into_iter().chain(plain).collect()
}

/// Peers with a certificate of the mesh; where others may speak TLS of their own, the peer's ALPN tells them apart.
fn mutual(workload: &Workload, port: Port, files: &Files, options: &Sidecar) -> Value {
    let mut wanted = json!({"destination_port": port.number, "transport_protocol": "tls"});
    if options.mtls == Mtls::Permissive {
        let names: &[&str] = match port.protocol {
            Protocol::Http => &["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"],
            Protocol::Tcp => &["istio", "istio-peer-exchange"],
        };
        wanted["application_protocols"] = json!(names);
    }
    json!({
        "name": format!("0.0.0.0_{}", port.number),
        "filter_chain_match": wanted,
        "transport_socket": tls::server(port.protocol, files),
        "filters": filters(workload, port, options, "mutual_tls"),
    })
}

fn plain(workload: &Workload, port: Port, options: &Sidecar) -> Value {
    json!({
        "name": format!("0.0.0.0_{}-plaintext", port.number),
        "filter_chain_match": {"destination_port": port.number, "transport_protocol": "raw_buffer"},
        "filters": filters(workload, port, options, "none"),
    })
}

fn filters(workload: &Workload, port: Port, options: &Sidecar, security: &'static str) -> Vec<Value> {
    let reporter = options.telemetry.then(|| Reporter::destination(workload, security));
    match port.protocol {
        Protocol::Http => vec![http(workload, port, options, reporter.as_ref())],
        Protocol::Tcp => {
            let proxy = tcp_proxy(&inbound_name(port), options, reporter.as_ref());
            authorization::tcp(options).into_iter().chain([proxy]).collect()
        }
    }
}

fn http(workload: &Workload, port: Port, options: &Sidecar, reporter: Option<&Reporter>) -> Value {
    let fields = json!({
        "stat_prefix": format!("inbound_0.0.0.0_{};", port.number),
        "server_name": "istio-envoy",
        "forward_client_cert_details": "APPEND_FORWARD",
        "set_current_client_cert_details": {"subject": true, "dns": true, "uri": true},
        "route_config": routes(workload, port, options),
    });
    connection_manager(fields, workload, options, authorization::http(options), reporter)
}

fn routes(workload: &Workload, port: Port, options: &Sidecar) -> Value {
    let mut all = vec![route("default", json!({"prefix": "/"}), workload, port, options)];
    if options.metadata {
        // Only a peer that introduced itself is told in return.
        let introduced = json!({"prefix": "/", "headers": [{"name": peer::ID, "present_match": true}]});
        let mut answered = route("from-the-mesh", introduced, workload, port, options);
        answered["response_headers_to_add"] = peer::introduction(workload, options);
        all.insert(0, answered);
    }
    let mut routes = json!({
        "name": inbound_name(port),
        "validate_clusters": false,
        "virtual_hosts": [{"name": format!("inbound|http|{}", port.number), "domains": ["*"], "routes": all}],
    });
    if options.metadata {
        routes["request_headers_to_remove"] = json!([peer::ID, peer::METADATA]);
    }
    routes
}

fn route(name: &str, wanted: Value, workload: &Workload, port: Port, options: &Sidecar) -> Value {
    let mut action = json!({
        "cluster": inbound_name(port),
        "timeout": "0s",
        "max_stream_duration": {"max_stream_duration": "0s", "grpc_timeout_header_max": "0s"},
    });
    // Since Istio 1.24.
    if !options.preset.is_before_1_10() {
        action["retry_policy"] = json!({"retry_on": "reset-before-request", "num_retries": 2});
    }
    json!({
        "name": name,
        "match": wanted,
        "decorator": {"operation": format!("{}:{}/*", fqdn(&workload.service), port.number)},
        "route": action,
    })
}
