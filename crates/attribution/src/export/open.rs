//! Connections that are open, those that are older than the agent among them.

use std::collections::HashMap;

use records::{Connection, ConnectionRole, TcpKey};

use crate::ledger::Ledger;
use crate::link::Link;
use crate::metric::{Family, MetricKind};

/// How many there are now, by who speaks with whom.
pub fn open(connections: &[Connection], ledger: &mut Ledger) -> Family {
    let mut family = Family::new(
        "meshtax_tcp_connections_open",
        MetricKind::Gauge,
        "Established connections that are not closed yet, however old.",
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

/// Whether a connection is established and not closed; a listener is none.
fn is_open(connection: &Connection) -> bool {
    connection.role != ConnectionRole::Listener && connection.state.is_open()
}

/// What the kernel counts it under.
fn key_of(connection: &Connection) -> TcpKey {
    let Connection { role, cgroup, netns, comm, local, remote, .. } = connection;
    let port = if *role == ConnectionRole::Client { remote } else { local }.port();
    TcpKey { role: *role, cgroup: *cgroup, netns: *netns, comm: comm.clone(), remote: remote.ip(), port }
}
