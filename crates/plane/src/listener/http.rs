use serde_json::{Value, json};

use crate::extension::{extension, typed};
use crate::telemetry::Reporter;
use crate::{Sidecar, Workload, access_log, tracing};

/// Envoy's HTTP connection manager with the settings that both directions share. `fields` (an object) are the others,
/// and `first` are filters before all others.
pub(crate) fn connection_manager(
    mut fields: Value,
    workload: &Workload,
    options: &Sidecar,
    first: Vec<Value>,
    reporter: Option<&Reporter>,
) -> Value {
    fields["normalize_path"] = true.into();
    fields["stream_idle_timeout"] = "0s".into();
    if !options.preset.is_before_1_10() {
        // These are Envoy's defaults, which istiod writes out. The gateway has its own.
        if fields["use_remote_address"].is_null() {
            fields["use_remote_address"] = false.into();
        }
        fields["path_with_escaped_slashes_action"] = "KEEP_UNCHANGED".into();
        fields["request_id_extension"] = request_ids();
        // The server answers `Expect: 100-continue`, not the proxy.
        fields["proxy_100_continue"] = true.into();
    }
    fields["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
    fields["tracing"] = tracing::block(workload, options);
    fields["http_filters"] = first.into_iter().chain(filters(options)).collect();
    let told = access_log::http(options, reporter);
    if !told.is_empty() {
        fields["access_log"] = told.into();
    }
    extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        fields,
    )
}

fn request_ids() -> Value {
    const KIND: &str = "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";
    json!({"typed_config": typed(KIND, json!({"use_request_id_for_trace_sampling": true}))})
}

/// Istio's filters in its order. Istio's own filters (`metadata_exchange`, `alpn`, `stats`) are not in an upstream
/// Envoy.
fn filters(options: &Sidecar) -> Vec<Value> {
    let stats = extension(
        "envoy.filters.http.grpc_stats",
        "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
        json!({"emit_filter_state": true, "stats_for_all_methods": false}),
    );
    let fault = extension("envoy.filters.http.fault", "envoy.extensions.filters.http.fault.v3.HTTPFault", json!({}));
    let cors = extension("envoy.filters.http.cors", "envoy.extensions.filters.http.cors.v3.Cors", json!({}));
    let router = extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", json!({}));
    if options.preset.is_before_1_10() { vec![cors, fault, router] } else { vec![stats, fault, cors, router] }
}
