use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::extension::typed;
use crate::identity::CLUSTER_ID;
use crate::workload::workload_name;
use crate::{Destination, Files, MeshEndpoint, Mtls, Port, Sidecar, control, tls};

/// The cluster for connections that would otherwise loop through the proxy.
pub(crate) const BLACK_HOLE: &str = "BlackHoleCluster";

/// The cluster for connections to unknown destinations, which pass through unchanged.
pub(crate) const PASSTHROUGH: &str = "PassthroughCluster";

/// The cluster for connections to ports of the pod that no service has, which pass through unchanged.
pub(crate) const INBOUND_PASSTHROUGH: &str = "InboundPassthroughCluster";

const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// Source address of the inbound side's connections to the application. The redirect rules let it through.
pub const INBOUND_SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 6);

/// The cluster without endpoints.
pub(crate) fn black_hole() -> Value {
    json!({"name": BLACK_HOLE, "type": "STATIC", "connect_timeout": "10s", "alt_stat_name": stat_name(BLACK_HOLE)})
}

/// A cluster's name in statistics. The character at its end marks where the name ends, whatever it contains.
pub(crate) fn stat_name(name: &str) -> String {
    format!("{name};")
}

/// The cluster that connects to the address that the application dialled.
pub(crate) fn passthrough() -> Value {
    let mut cluster = passing(PASSTHROUGH);
    cluster["metadata"] = service_metadata("unknown", PASSTHROUGH, "unknown");
    cluster
}

/// The cluster that connects to the application at the port that was dialled.
pub(crate) fn inbound_passthrough() -> Value {
    let mut cluster = passing(INBOUND_PASSTHROUGH);
    cluster["upstream_bind_config"] = inbound_source();
    cluster
}

fn passing(name: &str) -> Value {
    let mut cluster = original_destination(name);
    cluster["typed_extension_protocol_options"] =
        http_options(json!({"common_http_protocol_options": {"idle_timeout": "300s"}}));
    // Both clusters count under one name, as in Istio.
    cluster["alt_stat_name"] = stat_name(PASSTHROUGH).into();
    cluster
}

fn inbound_source() -> Value {
    json!({"source_address": {"address": INBOUND_SOURCE, "port_value": 0}})
}

/// Options of a cluster that uses the HTTP version in which it was called.
fn http_options(mut fields: Value) -> Value {
    fields["use_downstream_protocol_config"] = json!({"http_protocol_options": {}, "http2_protocol_options": {}});
    json!({HTTP_OPTIONS: typed(HTTP_OPTIONS, fields)})
}

/// Name of the cluster from the sidecar to its own application.
pub(crate) fn inbound_name(port: u16) -> String {
    format!("inbound|{port}||")
}

/// The cluster of the sidecar's own application, at the pod's address as in Istio since 1.10, or at loopback as before.
pub(crate) fn inbound(port: Port, options: &Sidecar) -> Value {
    if options.preset.is_before_1_10() {
        return loopback(port);
    }
    let mut cluster = original_destination(&inbound_name(port.number));
    cluster["upstream_bind_config"] = inbound_source();
    cluster["common_lb_config"] = json!({});
    // Only one address ever appears here, so nothing needs to be cleaned up.
    cluster["cleanup_interval"] = "9223372035s".into();
    // An undeclared port passes requests on in the HTTP version in which they came. Otherwise the application gets
    // HTTP/1.1.
    if !port.declared {
        cluster["typed_extension_protocol_options"] = http_options(json!({}));
    }
    cluster
}

fn loopback(port: Port) -> Value {
    let name = inbound_name(port.number);
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": port.number}});
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "10s",
        "lb_policy": "ROUND_ROBIN",
        "circuit_breakers": no_limits(),
        "alt_stat_name": stat_name(&name),
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]},
    })
}

/// The cluster of another service, with mutual TLS for those endpoints that have it.
///
/// An `http` port gets HTTP/1.1, Envoy's default, because Istio does not upgrade either. Each worker has a pool of its
/// own.
pub(crate) fn outbound(destination: &Destination, files: &Files, options: &Sidecar) -> Value {
    let name = destination.cluster();
    let endpoints: Vec<Value> = destination
        .endpoints
        .iter()
        .filter(|endpoint| endpoint.weight > 0)
        .map(|endpoint| weighted_endpoint(destination, endpoint, options))
        .collect();
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "10s",
        "lb_policy": if options.preset.is_before_1_10() { "ROUND_ROBIN" } else { "LEAST_REQUEST" },
        "circuit_breakers": no_limits(),
        "alt_stat_name": stat_name(&name),
        "common_lb_config": {"healthy_panic_threshold": {}},
        "metadata": service_metadata(&destination.host(), &destination.service, destination.namespace),
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    });
    // A policy that switches mutual TLS off applies to the application's namespace.
    if options.mtls != Mtls::Off || control::is_part(destination) {
        cluster["transport_socket_matches"] = transports(destination, files, options);
    }
    if !destination.port.declared {
        cluster["typed_extension_protocol_options"] = http_options(json!({}));
    }
    if control::is_grpc(destination) {
        let fields = json!({"explicit_http_config": {"http2_protocol_options": {}}});
        cluster["typed_extension_protocol_options"] = json!({HTTP_OPTIONS: typed(HTTP_OPTIONS, fields)});
    }
    cluster
}

/// Istio's auto-mTLS: the transport that an endpoint's metadata ask for, else plaintext.
fn transports(destination: &Destination, files: &Files, options: &Sidecar) -> Value {
    json!([
        {"name": "tlsMode-istio", "match": tls_mode(), "transport_socket": tls::client(destination, files, options)},
        {"name": "tlsMode-disabled", "match": {}, "transport_socket": tls::none()},
    ])
}

/// The label of a pod that accepts mutual TLS, as in its endpoints' metadata.
fn tls_mode() -> Value {
    json!({"tlsMode": "istio"})
}

fn weighted_endpoint(destination: &Destination, endpoint: &MeshEndpoint, options: &Sidecar) -> Value {
    let address = json!({"address": endpoint.address, "port_value": destination.port.number});
    let mut metadata = json!({"istio": {
        "workload": workload_name(&destination.service, &endpoint.version),
        "namespace": destination.namespace,
        "service": destination.service,
        "version": endpoint.version,
        "cluster": CLUSTER_ID,
    }});
    // The control plane and the cluster's own services have no sidecars.
    if options.is_mutual() && !control::is_part(destination) {
        metadata["envoy.transport_socket_match"] = tls_mode();
    }
    json!({
        "endpoint": {"address": {"socket_address": address}},
        "load_balancing_weight": endpoint.weight,
        "metadata": {"filter_metadata": metadata},
    })
}

/// Metadata with a service's names, which the caller's metrics read.
fn service_metadata(host: &str, name: &str, namespace: &str) -> Value {
    json!({"filter_metadata": {"istio": {"host": host, "name": name, "namespace": namespace}}})
}

fn original_destination(name: &str) -> Value {
    json!({
        "name": name,
        "type": "ORIGINAL_DST",
        "connect_timeout": "10s",
        "lb_policy": "CLUSTER_PROVIDED",
        "circuit_breakers": no_limits(),
        "alt_stat_name": stat_name(name),
    })
}

/// Istio removes every limit; Envoy's defaults are 1024 connections and 3 retries.
fn no_limits() -> Value {
    json!({"thresholds": [{
        "max_connections": u32::MAX,
        "max_pending_requests": u32::MAX,
        "max_requests": u32::MAX,
        "max_retries": u32::MAX,
    }]})
}
