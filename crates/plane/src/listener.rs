//! Listeners of a sidecar: the parts that both directions share.

mod http;
mod inbound;
mod outbound;
mod own;
mod sniffed;

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::extension::extension;
use crate::telemetry::Reporter;
use crate::{Sidecar, access_log};

pub(crate) use http::connection_manager;
pub(crate) use inbound::inbound;
pub(crate) use outbound::{outbound, virtual_host};
pub(crate) use own::own;
pub(crate) use sniffed::offering_http;

pub(crate) fn socket_address(address: Ipv4Addr, port: u16) -> Value {
    json!({"socket_address": {"address": address, "port_value": port}})
}

/// A listener that logs connections that none of its chains takes, if logging is on.
fn telling_of_unmatched(mut listener: Value, options: &Sidecar) -> Value {
    let told = access_log::unmatched(options);
    if !told.is_empty() {
        listener["access_log"] = told.into();
    }
    listener
}

/// A filter that passes bytes to `cluster` unchanged, without logs or metrics.
fn silent_tcp_proxy(cluster: &str) -> Value {
    proxy(json!({"stat_prefix": cluster, "cluster": cluster}))
}

/// A filter that passes bytes to `cluster` unchanged.
fn tcp_proxy(cluster: &str, options: &Sidecar, reporter: Option<&Reporter>) -> Value {
    let mut fields = json!({"stat_prefix": cluster, "cluster": cluster});
    let told = access_log::tcp(options, reporter);
    if !told.is_empty() {
        fields["access_log"] = told.into();
    }
    if reporter.is_some() {
        // Without this, a connection is logged only when it ends, and never counted as opened.
        fields["access_log_options"] = json!({"flush_access_log_on_connected": true});
    }
    proxy(fields)
}

fn proxy(fields: Value) -> Value {
    extension("envoy.filters.network.tcp_proxy", "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", fields)
}
