use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::socket_address;
use crate::extension::extension;
use crate::own::{AGENT, PROMETHEUS_STATS};
use crate::{PROMETHEUS_PORT, READINESS_PORT};

/// The listeners that the sidecar serves for itself, on ports that the redirect rules leave alone: Envoy's metrics, and
/// the agent's readiness. Both are part of Istio's bootstrap, not of istiod's pushes.
pub(crate) fn own() -> Vec<Value> {
    vec![
        listener(PROMETHEUS_PORT, ("stats", "/stats/prometheus", PROMETHEUS_STATS), &COMPRESSORS),
        listener(READINESS_PORT, ("agent", "/healthz/ready", AGENT), &[]),
    ]
}

/// Compressions of metrics for scrapers that accept them: the name, and the name of the message.
const COMPRESSORS: [(&str, &str); 3] = [("brotli", "Brotli"), ("zstd", "Zstd"), ("gzip", "Gzip")];

fn compressor((name, message): (&str, &str)) -> Value {
    let kind = format!("envoy.extensions.compression.{name}.compressor.v3.{message}");
    extension(
        &format!("envoy.filters.http.compressor.{name}"),
        "envoy.extensions.filters.http.compressor.v3.Compressor",
        json!({
            "compressor_library": extension(&format!("stats_{name}"), &kind, json!({})),
            "response_direction_config": {"common_config": {"content_type": [
                "text/plain",
                "application/vnd.google.protobuf",
                "application/openmetrics-text",
                "application/openmetrics-protobuf",
            ]}},
        }),
    )
}

fn listener(port: u16, (stat_prefix, path, cluster): (&str, &str, &str), compressors: &[(&str, &str)]) -> Value {
    let router = extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", json!({}));
    let filters: Vec<Value> = compressors.iter().copied().map(compressor).chain([router]).collect();
    let manager = extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": stat_prefix,
            "route_config": {"virtual_hosts": [{
                "name": "backend",
                "domains": ["*"],
                "routes": [{"match": {"prefix": path}, "route": {"cluster": cluster}}],
            }]},
            "http_filters": filters,
        }),
    );
    json!({
        "name": format!("0.0.0.0_{port}"),
        "address": socket_address(Ipv4Addr::UNSPECIFIED, port),
        "ignore_global_conn_limit": true,
        "bypass_overload_manager": true,
        "filter_chains": [{"filters": [manager]}],
    })
}
