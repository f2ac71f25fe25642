//! What a sidecar serves for itself, and the agent beside Envoy: `pilot-agent` in Istio.

use serde_json::{Value, json};

use crate::cluster::stat_name;
use crate::{ADMIN_PORT, AGENT_PORT};

/// The cluster of the agent.
pub(crate) const AGENT: &str = "agent";

/// The cluster of Envoy's own metrics.
pub(crate) const PROMETHEUS_STATS: &str = "prometheus_stats";

/// An application's probe that the agent makes in place of the kubelet. The kubelet has no certificate, so strict
/// mutual TLS would refuse it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppHealthCheck {
    /// Path of the agent that the kubelet requests.
    pub path: String,
    /// Port of the application to which the agent sends the probe.
    pub port: u16,
    /// Path of the application to which the agent sends the probe.
    pub target: String,
}

impl AppHealthCheck {
    /// The readiness probe of a container, as Istio's injector rewrites it.
    pub fn ready(container: &str, port: u16, target: &str) -> AppHealthCheck {
        AppHealthCheck { path: format!("/app-health/{container}/readyz"), port, target: target.to_owned() }
    }
}

/// Memory that pilot-agent holds beyond our agent: private memory of a live one at rest, 9.2 to 12.5 MiB, minus the 1.0
/// MiB of ours. Measured on 27 August 2026, like the next figure.
const AGENT_BYTES: u64 = 10 << 20;

/// Memory that pilot-agent holds for each service that the proxy knows.
const AGENT_BYTES_PER_SERVICE: u64 = 8 << 10;

/// Memory that the agent beside Envoy must hold with this many known services, in order to use as much as Istio's.
pub fn agent_bytes(services: usize) -> u64 {
    AGENT_BYTES + AGENT_BYTES_PER_SERVICE * services as u64
}

/// The clusters behind what the sidecar serves for itself.
pub(crate) fn clusters() -> [Value; 2] {
    [cluster(PROMETHEUS_STATS, ADMIN_PORT), cluster(AGENT, AGENT_PORT)]
}

fn cluster(name: &str, port: u16) -> Value {
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "0.250s",
        "alt_stat_name": stat_name(name),
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    })
}
