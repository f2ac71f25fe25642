use serde_json::{Value, json};

use crate::extension::extension;
use crate::further::further;
use crate::telemetry::Reporter;
use crate::{ADMIN_PORT, Destination, Files, Sidecar, Workload, cluster, identity, listener, own, tracing};

/// The whole configuration of a workload's sidecar: Envoy's `Bootstrap` message as JSON.
///
/// `destinations` are the services that the workload may call; whatever else it dials passes through unchanged. The
/// order of the input is kept, so the same input gives the same bytes.
pub fn bootstrap(workload: &Workload, destinations: &[Destination], files: &Files, options: &Sidecar) -> Value {
    let source = options.telemetry.then(|| Reporter::source(workload));
    let known: Vec<Destination> =
        destinations.iter().cloned().chain(further(destinations, options.mesh_size)).collect();

    let mut listeners = listener::outbound(workload, &known, options, source.as_ref());
    listeners.push(listener::inbound(workload, files, options));

    let mut clusters = vec![cluster::black_hole(), cluster::passthrough(), cluster::inbound_passthrough()];
    clusters.extend(workload.ports.iter().map(|&port| cluster::inbound(port, options)));
    clusters.extend(known.iter().map(|destination| cluster::outbound(destination, files, options)));
    clusters.extend(tracing::collector(destinations, files, options));

    around(workload, listeners, clusters, options)
}

/// Listeners and clusters, with what every proxy of the mesh has beside them.
pub(crate) fn around(workload: &Workload, listeners: Vec<Value>, clusters: Vec<Value>, options: &Sidecar) -> Value {
    let listeners: Vec<Value> = listeners.into_iter().chain(listener::own()).collect();
    let clusters: Vec<Value> = clusters.into_iter().chain(own::clusters()).collect();
    let mut bootstrap = json!({
        "node": node(workload),
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ADMIN_PORT}}},
        "stats_config": stats_config(),
        "static_resources": {"listeners": listeners, "clusters": clusters},
    });
    if !options.preset.is_before_1_10() {
        bootstrap["bootstrap_extensions"] = json!([internal_listeners()]);
    }
    bootstrap
}

/// Listeners that only this Envoy can dial: Istio's sidecars of today can have them, whether they do or not.
fn internal_listeners() -> Value {
    extension(
        "envoy.bootstrap.internal_listener",
        "envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
        json!({"buffer_size_kb": 64}),
    )
}

fn node(workload: &Workload) -> Value {
    json!({
        "id": workload.node_id(),
        "cluster": format!("{}.{}", workload.service, workload.namespace),
        "metadata": {
            "NAME": workload.replica(),
            "NAMESPACE": workload.namespace,
            "WORKLOAD_NAME": workload.name(),
            "CLUSTER_ID": identity::CLUSTER_ID,
            "LABELS": {"app": workload.service, "version": workload.version},
        },
    })
}

/// Istio's list, and one counter more for each cluster: requests that are sent again, for a sidecar that does so hides
/// failures. Nearly all of Envoy's own statistics are not created: a sidecar's memory depends on it.
fn stats_config() -> Value {
    json!({
        "use_all_default_tags": false,
        "stats_matcher": {"inclusion_list": {"patterns": [
            {"prefix": "reporter="},
            {"prefix": "cluster_manager"},
            {"prefix": "listener_manager"},
            {"prefix": "server"},
            {"prefix": "cluster.xds-grpc"},
            {"prefix": "wasm"},
            {"suffix": "rbac.allowed"},
            {"suffix": "rbac.denied"},
            {"suffix": "shadow_allowed"},
            {"suffix": "shadow_denied"},
            {"safe_regex": {"regex": r"vhost\..*\.route\..*"}},
            {"prefix": "component"},
            {"prefix": "istio"},
            {"safe_regex": {"regex": r"cluster\.(in|out)bound\|.*\.upstream_rq_retry"}},
        ]}},
    })
}
