use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};
use topology::Protocol;

use super::http::connection_manager;
use super::{silent_tcp_proxy, sniffed, socket_address, tcp_proxy, telling_of_unmatched};
use crate::cluster::{BLACK_HOLE, PASSTHROUGH};
use crate::extension::extension;
use crate::telemetry::Reporter;
use crate::{Destination, NAMESPACE, OUTBOUND_PORT, Sidecar, Workload, control, peer};

/// All listeners for the application's own connections: the one that receives them, and those that take them over.
pub(crate) fn outbound(
    workload: &Workload,
    destinations: &[Destination],
    options: &Sidecar,
    reporter: Option<&Reporter>,
) -> Vec<Value> {
    let mut by_http_port: BTreeMap<u16, Vec<&Destination>> = BTreeMap::new();
    let mut listeners = vec![virtual_outbound(options, reporter)];
    for destination in destinations {
        match destination.port.protocol {
            _ if !destination.port.declared => listeners.push(undeclared(destination, workload, options, reporter)),
            Protocol::Http => by_http_port.entry(destination.port.number).or_default().push(destination),
            Protocol::Tcp => listeners.push(tcp(destination, options, reporter)),
        }
    }
    let of_port = |(&port, destinations): (&u16, &Vec<&Destination>)| {
        http(port, routes(port, workload, destinations, options), workload, options, reporter)
    };
    listeners.extend(by_http_port.iter().map(of_port));
    listeners
}

/// Receives every connection, and hands it to the listener that best matches its original destination. A connection
/// that no listener wants passes through, as in Istio's default `ALLOW_ANY`.
fn virtual_outbound(options: &Sidecar, reporter: Option<&Reporter>) -> Value {
    let listener = json!({
        "name": "virtualOutbound",
        "traffic_direction": "OUTBOUND",
        "address": socket_address(Ipv4Addr::UNSPECIFIED, OUTBOUND_PORT),
        "use_original_dst": true,
        "max_connections_to_accept_per_socket_event": 1,
        "filter_chains": [
            {
                // A direct connection to this port would be passed on to this port, again and again.
                "name": "virtualOutbound-blackhole",
                "filter_chain_match": {"destination_port": OUTBOUND_PORT},
                "filters": [silent_tcp_proxy(BLACK_HOLE)],
            },
            {"name": "virtualOutbound-catchall-tcp", "filters": [tcp_proxy(PASSTHROUGH, options, reporter)]},
        ],
    });
    telling_of_unmatched(listener, options)
}

/// The listener for all services of one HTTP port. The Host header distinguishes them.
fn http(port: u16, routes: Value, workload: &Workload, options: &Sidecar, reporter: Option<&Reporter>) -> Value {
    let name = format!("0.0.0.0_{port}");
    let fields = json!({"stat_prefix": format!("outbound_{name};"), "route_config": routes});
    let manager = connection_manager(fields, workload, options, Vec::new(), reporter);
    let listener = listener(&name, Ipv4Addr::UNSPECIFIED, port, manager, options);
    // Older releases took all connections for HTTP.
    if options.preset.is_before_1_10() {
        return listener;
    }
    sniffed::passing_on(listener, tcp_proxy(PASSTHROUGH, options, reporter))
}

/// The listener of a port without a declared protocol: one service, whatever the Host header says, or bytes.
fn undeclared(destination: &Destination, workload: &Workload, options: &Sidecar, reporter: Option<&Reporter>) -> Value {
    let (address, port) = (destination.address, destination.port.number);
    let name = format!("{address}_{port}");
    let routes = introduced(only_host(virtual_host(destination, options)), workload, options);
    let fields = json!({"stat_prefix": format!("outbound_{name};"), "route_config": routes});
    let manager = connection_manager(fields, workload, options, Vec::new(), reporter);
    let found = listener(&name, address, port, manager, options);
    sniffed::sniffing(found, tcp_proxy(&destination.cluster(), options, reporter))
}

fn tcp(destination: &Destination, options: &Sidecar, reporter: Option<&Reporter>) -> Value {
    let name = format!("{}_{}", destination.address, destination.port.number);
    let proxy = tcp_proxy(&destination.cluster(), options, reporter);
    listener(&name, destination.address, destination.port.number, proxy, options)
}

/// A listener that binds no port. Only `virtualOutbound` hands connections to it.
fn listener(name: &str, address: Ipv4Addr, port: u16, filter: Value, options: &Sidecar) -> Value {
    let mut chain = json!({"filters": [filter]});
    if !options.preset.is_before_1_10() {
        chain["transport_socket_connect_timeout"] = "15s".into();
    }
    json!({
        "name": name,
        "traffic_direction": "OUTBOUND",
        "address": socket_address(address, port),
        "bind_to_port": false,
        "continue_on_listener_filters_timeout": true,
        "listener_filters_timeout": "0s",
        "filter_chains": [chain],
    })
}

fn routes(port: u16, workload: &Workload, destinations: &[&Destination], options: &Sidecar) -> Value {
    let mut hosts: Vec<Value> = destinations.iter().map(|destination| virtual_host(destination, options)).collect();
    hosts.push(allow_any());
    introduced(table(&port.to_string(), hosts), workload, options)
}

/// The route table of a listener with a single service, whatever the Host header says.
fn only_host(mut host: Value) -> Value {
    host["domains"] = json!(["*"]);
    let name = host["name"].as_str().unwrap_or_default().to_owned();
    table(&name, vec![host])
}

fn table(name: &str, hosts: Vec<Value>) -> Value {
    json!({
        "name": name,
        "validate_clusters": false,
        "max_direct_response_body_size_bytes": 1_048_576,
        "ignore_port_in_host_matching": true,
        "virtual_hosts": hosts,
    })
}

/// Routes that add headers to introduce the caller, if the mesh's peers do so.
fn introduced(mut routes: Value, workload: &Workload, options: &Sidecar) -> Value {
    if options.metadata {
        // The headers are added for every peer, as in Istio. Those in the response are not for the application.
        routes["request_headers_to_add"] = peer::introduction(workload, options);
        routes["response_headers_to_remove"] = json!([peer::ID, peer::METADATA]);
    }
    routes
}

/// The virtual host of a service, with all its names and the route to its pods.
pub(crate) fn virtual_host(destination: &Destination, options: &Sidecar) -> Value {
    let host = destination.host();
    let port = destination.port.number;
    let mut route = json!({
        "cluster": destination.cluster(),
        "timeout": "0s",
        // Sets no limit, so a caller's `grpc-timeout` holds. The field is deprecated, but istiod writes it; the newer
        // field ends the stream in another way.
        "max_grpc_timeout": "0s",
    });
    let number = attempts(destination, options);
    if number > 0 {
        route["retry_policy"] = retries(number, options);
    }
    json!({
        "name": format!("{host}:{port}"),
        "domains": domains(destination, options),
        "include_request_attempt_count": true,
        "routes": [{
            "name": "default",
            "match": {"prefix": "/"},
            "decorator": {"operation": format!("{host}:{port}/*")},
            "route": route,
        }],
    })
}

/// Every name that a caller may use. Its resolver expands most of them to the first.
fn domains(destination: &Destination, options: &Sidecar) -> Vec<String> {
    let Destination { service, namespace, .. } = destination;
    let host = destination.host();
    let absolute = (!options.preset.is_before_1_10()).then(|| format!("{host}."));
    let short = (*namespace == NAMESPACE).then(|| service.clone());
    let longer =
        [format!("{service}.{namespace}.svc"), format!("{service}.{namespace}"), destination.address.to_string()];
    [host].into_iter().chain(absolute).chain(short).chain(longer).collect()
}

/// How often the caller's sidecar retries. The option applies to the application's services.
fn attempts(destination: &Destination, options: &Sidecar) -> u32 {
    if control::is_part(destination) { Sidecar::default().retries } else { options.retries }
}

/// Istio's retry policy: each retry goes to a host that was not tried yet.
fn retries(number: u32, options: &Sidecar) -> Value {
    let previous_hosts = extension(
        "envoy.retry_host_predicates.previous_hosts",
        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        json!({}),
    );
    let mut policy = json!({
        "retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
        "num_retries": number,
        "host_selection_retry_max_attempts": 5,
        "retry_host_predicate": [previous_hosts],
    });
    if options.preset.is_before_1_10() {
        policy["retriable_status_codes"] = json!([503]);
    }
    policy
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
                "max_grpc_timeout": "0s",
            },
        }],
    })
}
