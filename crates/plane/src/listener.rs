//! Listeners of a sidecar: what both directions share.

mod http;
mod inbound;
mod outbound;
mod own;

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::extension::extension;
use crate::telemetry::Reporter;

pub(crate) use inbound::inbound;
pub(crate) use outbound::outbound;
pub(crate) use own::own;

fn socket_address(address: Ipv4Addr, port: u16) -> Value {
    json!({"socket_address": {"address": address, "port_value": port}})
}

/// Bytes as they come, to `cluster`.
fn tcp_proxy(cluster: &str, reporter: Option<&Reporter>) -> Value {
    let mut fields = json!({"stat_prefix": cluster, "cluster": cluster});
    if let Some(reporter) = reporter {
        fields["access_log"] = reporter.tcp().into();
        // Without it a connection is logged only when it ends, and never counted as opened.
        fields["access_log_options"] = json!({"flush_access_log_on_connected": true});
    }
    extension("envoy.filters.network.tcp_proxy", "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", fields)
}
