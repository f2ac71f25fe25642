use serde_json::{Value, json};

use crate::control::control;
use crate::extension::extension;
use crate::further::further;
use crate::statistics;
use crate::telemetry::Reporter;
use crate::{ADMIN_PORT, Destination, Files, Sidecar, Workload, cluster, identity, listener, own, tracing};

/// The whole configuration of a workload's sidecar: Envoy's `Bootstrap` message as JSON.
///
/// `destinations` are the services that the workload may call; everything else passes through unchanged. The order of
/// the input is kept, so the same input gives the same bytes.
pub fn bootstrap(workload: &Workload, destinations: &[Destination], files: &Files, options: &Sidecar) -> Value {
    let source = options.telemetry.then(|| Reporter::source(workload));
    let known = known(destinations, options);

    let mut listeners = listener::outbound(workload, &known, options, source.as_ref());
    listeners.push(listener::inbound(workload, destinations, files, options));

    let mut clusters = vec![cluster::black_hole(), cluster::passthrough(), cluster::inbound_passthrough()];
    clusters.extend(workload.ports.iter().map(|&port| cluster::inbound(port, options)));
    clusters.extend(known.iter().map(|destination| cluster::outbound(destination, files, options)));
    clusters.extend(tracing::collector(destinations, files, options));

    around(workload, listeners, clusters, options)
}

/// The services that a proxy of the mesh knows: those that are called, Istio's own, and those of a larger mesh.
pub(crate) fn known(destinations: &[Destination], options: &Sidecar) -> Vec<Destination> {
    destinations.iter().cloned().chain(control(options)).chain(further(destinations, options.mesh_size)).collect()
}

/// Adds to listeners and clusters what every proxy of the mesh has.
pub(crate) fn around(workload: &Workload, listeners: Vec<Value>, clusters: Vec<Value>, options: &Sidecar) -> Value {
    let listeners: Vec<Value> = listeners.into_iter().chain(listener::own()).collect();
    let clusters: Vec<Value> = clusters.into_iter().chain(own::clusters()).collect();
    let mut bootstrap = json!({
        "node": node(workload),
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ADMIN_PORT}}},
        "stats_config": statistics::config(options),
        "layered_runtime": runtime(),
        "static_resources": {"listeners": listeners, "clusters": clusters},
    });
    if !options.preset.is_before_1_10() {
        bootstrap["bootstrap_extensions"] = json!([internal_listeners()]);
        // Statistics of a cluster then take memory only once it is used.
        bootstrap["deferred_stat_options"] = json!({"enable_deferred_creation_stats": true});
        bootstrap["overload_manager"] = json!({"resource_monitors": [connections_without_limit()]});
    }
    bootstrap
}

/// Listeners that only this Envoy can connect to. Istio's current sidecars enable them, whether or not they have any.
fn internal_listeners() -> Value {
    extension(
        "envoy.bootstrap.internal_listener",
        "envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
        json!({"buffer_size_kb": 64}),
    )
}

/// Istio's runtime settings for Envoy. A `#` in a path, for example, is not a reason to refuse a request.
fn runtime() -> Value {
    json!({"layers": [
        {"name": "global config", "static_layer": {
            "envoy.deprecated_features:envoy.config.listener.v3.Listener.hidden_envoy_deprecated_use_original_dst": true,
            "envoy.reloadable_features.coalesce_lb_rebuilds_on_batch_update": false,
            "envoy.reloadable_features.fixed_heap_use_allocated": true,
            "envoy.reloadable_features.http_reject_path_with_fragment": false,
            "re2.max_program_size.error_level": "32768",
        }},
        {"name": "admin", "admin_layer": {}},
    ]})
}

fn connections_without_limit() -> Value {
    extension(
        "envoy.resource_monitors.global_downstream_max_connections",
        "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        json!({"max_active_downstream_connections": i32::MAX.to_string()}),
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
