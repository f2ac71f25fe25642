//! The ingress gateway: an Envoy in a pod of its own, through which requests from outside the mesh enter.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use topology::Protocol;

use crate::bootstrap::{around, known};
use crate::ingress::GATEWAY_PORT;
use crate::listener::{connection_manager, offering_http, socket_address, virtual_host};
use crate::telemetry::Reporter;
use crate::{Destination, Files, Side, Sidecar, Workload, cluster, peer, tracing};

/// The configuration of a gateway at `address`: Envoy's `Bootstrap` message as JSON. By the Host header, it routes to
/// the `http` services among `destinations`.
///
/// `options` are those of the sidecars behind it. Without sidecars, they must not ask for mutual TLS.
pub fn gateway_bootstrap(address: Ipv4Addr, destinations: &[Destination], files: &Files, options: &Sidecar) -> Value {
    let workload = Workload::of_gateway(address);
    // Towards a pod with a sidecar, the gateway acts as a caller with a sidecar.
    let side = if options.side == Side::Server { Side::Both } else { options.side };
    let options = &Sidecar { side, ..options.clone() };
    let reporter = options.telemetry.then(|| Reporter::source(&workload));

    let served = destinations.iter().filter(|destination| destination.port.protocol == Protocol::Http);
    let hosts: Vec<Value> = served.map(|destination| host(destination, options)).collect();
    let mut manager = manager(&workload, &hosts, options, reporter.as_ref());
    if destinations.iter().any(|destination| !destination.port.declared) {
        manager = offering_http(&manager);
    }
    let listener = listener(manager, options);

    // Includes services that no route names, because istiod pushes them too.
    let known = known(destinations, options).into_iter();
    let mut clusters = vec![cluster::black_hole()];
    clusters.extend(known.map(|destination| cluster::outbound(&destination, files, options)));
    clusters.extend(tracing::collector(destinations, files, options));
    around(&workload, vec![listener], clusters, options)
}

/// A service in the gateway's routes, under all its names, at the gateway's port.
fn host(destination: &Destination, options: &Sidecar) -> Value {
    let mut host = virtual_host(destination, options);
    host["name"] = format!("{}:{GATEWAY_PORT}", destination.host()).into();
    host
}

fn manager(workload: &Workload, hosts: &[Value], options: &Sidecar, reporter: Option<&Reporter>) -> Value {
    let fields = json!({
        "stat_prefix": format!("outbound_0.0.0.0_{GATEWAY_PORT};"),
        "server_name": "istio-envoy",
        // It is the first proxy on the path, so the connecting peer is the client, whatever the headers say.
        "use_remote_address": true,
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {"subject": true, "cert": true, "dns": true, "uri": true},
        "http_protocol_options": {},
        "route_config": routes(workload, hosts, options),
    });
    connection_manager(fields, workload, options, Vec::new(), reporter)
}

fn listener(manager: Value, options: &Sidecar) -> Value {
    let mut chain = json!({"filters": [manager]});
    if !options.preset.is_before_1_10() {
        chain["transport_socket_connect_timeout"] = "15s".into();
    }
    json!({
        "name": format!("0.0.0.0_{GATEWAY_PORT}"),
        "traffic_direction": "OUTBOUND",
        "address": socket_address(Ipv4Addr::UNSPECIFIED, GATEWAY_PORT),
        "max_connections_to_accept_per_socket_event": 1,
        "filter_chains": [chain],
    })
}

/// The gateway's routes. Nothing passes through: an unknown host is not found.
fn routes(workload: &Workload, hosts: &[Value], options: &Sidecar) -> Value {
    let mut routes = json!({
        "name": format!("http.{GATEWAY_PORT}"),
        "validate_clusters": false,
        "max_direct_response_body_size_bytes": 1_048_576,
        "ignore_port_in_host_matching": true,
        "virtual_hosts": hosts,
    });
    if options.metadata {
        // They are added for every peer. Only a sidecar removes them again; an application without one sees them.
        routes["request_headers_to_add"] = peer::introduction(workload, options);
        routes["response_headers_to_remove"] = json!([peer::ID, peer::METADATA]);
    }
    routes
}

#[cfg(test)]
mod tests;
