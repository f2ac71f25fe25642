use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::socket_address;
use crate::extension::extension;
use crate::own::{AGENT, PROMETHEUS_STATS};
use crate::{PROMETHEUS_PORT, READINESS_PORT};

/// What the sidecar serves of itself, on ports that the redirect rules leave alone: Envoy's metrics, and the agent's word
/// on whether it is ready. Both are part of Istio's bootstrap, not of what istiod pushes.
pub(crate) fn own() -> Vec<Value> {
    vec![
        listener(PROMETHEUS_PORT, "stats", "/stats/prometheus", PROMETHEUS_STATS),
        listener(READINESS_PORT, "agent", "/healthz/ready", AGENT),
    ]
}

fn listener(port: u16, stat_prefix: &str, path: &str, cluster: &str) -> Value {
    let router = extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", json!({}));
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
            "http_filters": [router],
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
