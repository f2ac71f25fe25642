//! Metric of open connections, including connections older than the agent.

use std::collections::HashMap;

use records::{Connection, ConnectionRole, TcpKey};

use crate::ledger::Ledger;
use crate::link::Link;
use crate::metric::{Family, MetricKind};

/// Counts the connections that are open now, by link.
pub fn open(connections: &[Connection], ledger: &mut Ledger) -> Family {
    let mut family = Family::new(
        "meshtax_tcp_connections_open",
        MetricKind::Gauge,
        "Open TCP connections, including those older than the agent.",
    );
    let mut counts: HashMap<TcpKey, u64> = HashMap::new();
    for connection in connections.iter().filter(|connection| is_open(connection)) {
        *counts.entry(key_of(connection)).or_default() += 1;
    }
    for (key, count) in counts {
        family.add(Link::of(&key, &ledger.places, &mut ledger.namer).brief(), count as f64);
    }
    family
}

/// Returns whether a connection is established and not closed. Listeners are not connections.
fn is_open(connection: &Connection) -> bool {
    connection.role != ConnectionRole::Listener && connection.state.is_open()
}

/// Returns the key that the kernel counts the connection under.
fn key_of(connection: &Connection) -> TcpKey {
    let Connection { role, cgroup, netns, comm, local, remote, .. } = connection;
    let port = if *role == ConnectionRole::Client { remote } else { local }.port();
    TcpKey { role: *role, cgroup: *cgroup, netns: *netns, comm: comm.clone(), remote: remote.ip(), port }
}
