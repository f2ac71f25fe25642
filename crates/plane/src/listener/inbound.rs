use std::net::Ipv4Addr;

use serde_json::{Value, json};
use topology::Protocol;

use super::http::connection_manager;
use super::sniffed::OFFERED_FOR_HTTP;
use super::{socket_address, tcp_proxy};
use crate::cluster::{BLACK_HOLE, inbound_name};
use crate::extension::extension;
use crate::telemetry::Reporter;
use crate::{Files, INBOUND_PORT, Port, Workload, fqdn, tls};

/// The listener for all that reaches the pod, strict: each declared port has a chain for mutual TLS and no other, so
/// Envoy closes a plaintext connection, and one to an undeclared port, for want of a chain.
pub(crate) fn inbound(workload: &Workload, files: &Files, reporter: Option<&Reporter>) -> Value {
    let mut chains = vec![black_hole()];
    chains.extend(workload.ports.iter().flat_map(|&port| chains_of(workload, port, files, reporter)));
    json!({
        "name": "virtualInbound",
        "traffic_direction": "INBOUND",
        "address": socket_address(Ipv4Addr::UNSPECIFIED, INBOUND_PORT),
        "continue_on_listener_filters_timeout": true,
        "listener_filters_timeout": "0s",
        "max_connections_to_accept_per_socket_event": 1,
        "listener_filters": [
            // Restores the port that was dialled, which the chains match.
            extension(
                "envoy.filters.listener.original_dst",
                "envoy.extensions.filters.listener.original_dst.v3.OriginalDst",
                json!({}),
            ),
            extension(
                "envoy.filters.listener.tls_inspector",
                "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
                json!({"initial_read_buffer_size": 512}),
            ),
        ],
        "filter_chains": chains,
    })
}

/// A direct dial of this port would lead back to it.
fn black_hole() -> Value {
    json!({
        "name": "virtualInbound-blackhole",
        "filter_chain_match": {"destination_port": INBOUND_PORT},
        "filters": [tcp_proxy(BLACK_HOLE, None)],
    })
}

fn chains_of(workload: &Workload, port: Port, files: &Files, reporter: Option<&Reporter>) -> Vec<Value> {
    if port.declared {
        return vec![chain(workload, port, files, reporter)];
    }
    let [mut http, tcp] =
        [Protocol::Http, Protocol::Tcp].map(|protocol| chain(workload, Port { protocol, ..port }, files, reporter));
    // What the caller's sidecar found out, it offers; whatever offers no HTTP is bytes.
    http["filter_chain_match"]["application_protocols"] = json!(OFFERED_FOR_HTTP);
    vec![http, tcp]
}

fn chain(workload: &Workload, port: Port, files: &Files, reporter: Option<&Reporter>) -> Value {
    let filter = match port.protocol {
        Protocol::Http => http(workload, port, reporter),
        Protocol::Tcp => tcp_proxy(&inbound_name(port), reporter),
    };
    json!({
        "name": format!("0.0.0.0_{}", port.number),
        "filter_chain_match": {"destination_port": port.number, "transport_protocol": "tls"},
        "transport_socket": tls::server(port.protocol, files),
        "filters": [filter],
    })
}

fn http(workload: &Workload, port: Port, reporter: Option<&Reporter>) -> Value {
    let fields = json!({
        "stat_prefix": format!("inbound_0.0.0.0_{};", port.number),
        "server_name": "istio-envoy",
        "forward_client_cert_details": "APPEND_FORWARD",
        "set_current_client_cert_details": {"subject": true, "dns": true, "uri": true},
        "route_config": routes(workload, port),
    });
    connection_manager(fields, reporter)
}

fn routes(workload: &Workload, port: Port) -> Value {
    json!({
        "name": inbound_name(port),
        "validate_clusters": false,
        "virtual_hosts": [{
            "name": format!("inbound|http|{}", port.number),
            "domains": ["*"],
            "routes": [{
                "name": "default",
                "match": {"prefix": "/"},
                "decorator": {"operation": format!("{}:{}/*", fqdn(&workload.service), port.number)},
                "route": {
                    "cluster": inbound_name(port),
                    "timeout": "0s",
                    "max_stream_duration": {"max_stream_duration": "0s", "grpc_timeout_header_max": "0s"},
                    "retry_policy": {"retry_on": "reset-before-request", "num_retries": 2},
                },
            }],
        }],
    })
}
