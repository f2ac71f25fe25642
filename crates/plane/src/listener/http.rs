use serde_json::{Value, json};

use crate::extension::extension;
use crate::telemetry::Reporter;

/// Envoy's HTTP connection manager with the settings that both directions share; `fields` (an object) are the others.
pub(super) fn connection_manager(mut fields: Value, reporter: Option<&Reporter>) -> Value {
    fields["normalize_path"] = true.into();
    fields["stream_idle_timeout"] = "0s".into();
    fields["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
    // No provider is named, so nothing is traced and no trace header is added. But without this block Envoy ignores
    // the routes' decorators, and `x-envoy-decorator-operation` would be missing on the wire.
    fields["tracing"] =
        json!({"client_sampling": {"value": 100}, "random_sampling": {"value": 1}, "overall_sampling": {"value": 100}});
    fields["http_filters"] = filters().into();
    if let Some(reporter) = reporter {
        fields["access_log"] = reporter.http().into();
    }
    extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        fields,
    )
}

/// Istio's filters in its order; its own ones (`metadata_exchange`, `alpn`, `stats`) are not in an upstream Envoy.
fn filters() -> Vec<Value> {
    vec![
        extension(
            "envoy.filters.http.grpc_stats",
            "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
            json!({"emit_filter_state": true, "stats_for_all_methods": false}),
        ),
        extension("envoy.filters.http.fault", "envoy.extensions.filters.http.fault.v3.HTTPFault", json!({})),
        extension("envoy.filters.http.cors", "envoy.extensions.filters.http.cors.v3.Cors", json!({})),
        extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", json!({})),
    ]
}
