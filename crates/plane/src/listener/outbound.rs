use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};
use topology::Protocol;

use super::http::connection_manager;
use super::sniffed;
use super::{socket_address, tcp_proxy};
use crate::cluster::{BLACK_HOLE, PASSTHROUGH};
use crate::extension::extension;
use crate::telemetry::Reporter;
use crate::{Destination, NAMESPACE, OUTBOUND_PORT, fqdn};

/// All listeners for what the application dials: the one that receives it, and those that it is handed to.
pub(crate) fn outbound(destinations: &[Destination], reporter: Option<&Reporter>) -> Vec<Value> {
    let mut by_http_port: BTreeMap<u16, Vec<&Destination>> = BTreeMap::new();
    let mut listeners = vec![virtual_outbound(reporter)];
    for destination in destinations {
        match destination.port.protocol {
            _ if !destination.port.declared => listeners.push(undeclared(destination, reporter)),
            Protocol::Http => by_http_port.entry(destination.port.number).or_default().push(destination),
            Protocol::Tcp => listeners.push(tcp(destination, reporter)),
        }
    }
    listeners.extend(by_http_port.iter().map(|(&port, destinations)| http(port, destinations, reporter)));
    listeners
}

/// Receives every connection and hands it to the listener that matches its original destination best. What no listener
/// wants passes through, as in Istio's default `ALLOW_ANY`.
fn virtual_outbound(reporter: Option<&Reporter>) -> Value {
    json!({
        "name": "virtualOutbound",
        "traffic_direction": "OUTBOUND",
        "address": socket_address(Ipv4Addr::UNSPECIFIED, OUTBOUND_PORT),
        "use_original_dst": true,
        "max_connections_to_accept_per_socket_event": 1,
        "filter_chains": [
            {
                // A direct dial of this port would be passed on to this port, again and again.
                "name": "virtualOutbound-blackhole",
                "filter_chain_match": {"destination_port": OUTBOUND_PORT},
                "filters": [tcp_proxy(BLACK_HOLE, None)],
            },
            {"name": "virtualOutbound-catchall-tcp", "filters": [tcp_proxy(PASSTHROUGH, reporter)]},
        ],
    })
}

/// All services of one HTTP port: the Host header tells them apart.
fn http(port: u16, destinations: &[&Destination], reporter: Option<&Reporter>) -> Value {
    let name = format!("0.0.0.0_{port}");
    let manager = connection_manager(
        json!({"stat_prefix": format!("outbound_{name};"), "route_config": routes(port, destinations)}),
        reporter,
    );
    listener(&name, Ipv4Addr::UNSPECIFIED, port, manager)
}

/// A port of which nobody said what it speaks: one service, whatever the Host header says, or bytes.
fn undeclared(destination: &Destination, reporter: Option<&Reporter>) -> Value {
    let (address, port) = (destination.address, destination.port.number);
    let name = format!("{address}_{port}");
    let manager = connection_manager(
        json!({"stat_prefix": format!("outbound_{name};"), "route_config": sniffed::routes(virtual_host(destination))}),
        reporter,
    );
    let found = listener(&name, address, port, sniffed::offering_http(manager));
    sniffed::sniffing(found, tcp_proxy(&destination.cluster(), reporter))
}

fn tcp(destination: &Destination, reporter: Option<&Reporter>) -> Value {
    let name = format!("{}_{}", destination.address, destination.port.number);
    let proxy = tcp_proxy(&destination.cluster(), reporter);
    listener(&name, destination.address, destination.port.number, proxy)
}

/// A listener that binds no port: only `virtualOutbound` hands connections to it.
fn listener(name: &str, address: Ipv4Addr, port: u16, filter: Value) -> Value {
    json!({
        "name": name,
        "traffic_direction": "OUTBOUND",
        "address": socket_address(address, port),
        "bind_to_port": false,
        "continue_on_listener_filters_timeout": true,
        "listener_filters_timeout": "0s",
        "filter_chains": [{"filters": [filter]}],
    })
}

fn routes(port: u16, destinations: &[&Destination]) -> Value {
    let mut hosts: Vec<Value> = destinations.iter().map(|destination| virtual_host(destination)).collect();
    hosts.push(allow_any());
    json!({
        "name": port.to_string(),
        "validate_clusters": false,
        "ignore_port_in_host_matching": true,
        "virtual_hosts": hosts,
    })
}

fn virtual_host(destination: &Destination) -> Value {
    let service = &destination.service;
    let host = fqdn(service);
    let port = destination.port.number;
    json!({
        "name": format!("{host}:{port}"),
        "domains": [
            host,
            service,
            format!("{service}.{NAMESPACE}.svc"),
            format!("{service}.{NAMESPACE}"),
            destination.address,
        ],
        "include_request_attempt_count": true,
        "routes": [{
            "name": "default",
            "match": {"prefix": "/"},
            "decorator": {"operation": format!("{host}:{port}/*")},
            "route": {
                "cluster": destination.cluster(),
                "timeout": "0s",
                "max_stream_duration": {"grpc_timeout_header_max": "0s"},
                "retry_policy": retries(),
            },
        }],
    })
}

/// Istio's default retries: two, each at a host that was not tried yet.
fn retries() -> Value {
    let previous_hosts = extension(
        "envoy.retry_host_predicates.previous_hosts",
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        json!({}),
    );
    json!({
        "retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
        "num_retries": 2,
        "host_selection_retry_max_attempts": 5,
        "retry_host_predicate": [previous_hosts],
    })
}

fn allow_any() -> Value {
    json!({
        "name": "allow_any",
        "domains": ["*"],
        "include_request_attempt_count": true,
        "routes": [{
            "name": "allow_any",
            "match": {"prefix": "/"},
            "route": {
                "cluster": PASSTHROUGH,
                "timeout": "0s",
                "max_stream_duration": {"grpc_timeout_header_max": "0s"},
            },
        }],
    })
}
