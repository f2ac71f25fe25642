use serde_json::{Value, json};

use crate::telemetry::Reporter;
use crate::{ADMIN_PORT, Destination, Files, NAMESPACE, Sidecar, Workload, cluster, identity, listener, own};

/// The whole configuration of a workload's sidecar: Envoy's `Bootstrap` message as JSON.
///
/// `destinations` are the services that the workload may call; whatever else it dials passes through unchanged. The
/// order of the input is kept, so the same input gives the same bytes.
pub fn bootstrap(workload: &Workload, destinations: &[Destination], files: &Files, options: &Sidecar) -> Value {
    let source = options.telemetry.then(|| Reporter::source(workload));
    let target = options.telemetry.then(|| Reporter::destination(workload));

    let mut listeners = listener::outbound(destinations, source.as_ref());
    listeners.push(listener::inbound(workload, files, target.as_ref()));
    listeners.extend(listener::own());

    let mut clusters = vec![cluster::black_hole(), cluster::passthrough()];
    clusters.extend(workload.ports.iter().map(|&port| cluster::inbound(port)));
    clusters.extend(destinations.iter().map(|destination| cluster::outbound(destination, files)));
    clusters.extend(own::clusters());

    json!({
        "node": node(workload),
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ADMIN_PORT}}},
        "stats_config": stats_config(),
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

fn node(workload: &Workload) -> Value {
    json!({
        "id": workload.node_id(),
        "cluster": format!("{}.{NAMESPACE}", workload.service),
        "metadata": {
            "NAME": workload.pod,
            "NAMESPACE": NAMESPACE,
            "WORKLOAD_NAME": workload.name(),
            "CLUSTER_ID": identity::CLUSTER_ID,
            "LABELS": {"app": workload.service, "version": workload.version},
        },
    })
}

/// Istio's list. Nearly all of Envoy's own statistics are not created: a sidecar's memory depends on it.
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
        ]}},
    })
}
