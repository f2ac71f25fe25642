//! Connections that are open, those that are older than the agent among them.

use std::collections::HashMap;

use probe::{Connection, Key, Role};

use crate::ledger::Ledger;
use crate::link::Link;
use crate::metric::{Family, Kind};

/// How many there are now, by who speaks with whom.
pub fn open(connections: &[Connection], ledger: &mut Ledger) -> Family {
    let mut family = Family::new(
        "meshtax_tcp_connections_open",
        Kind::Gauge,
        "Established connections that are not closed yet, however old.",
    );
    let mut counts: HashMap<Key, u64> = HashMap::new();
    for connection in connections.iter().filter(|connection| is_open(connection)) {
        *counts.entry(key_of(connection)).or_default() += 1;
    }
    for (key, count) in counts {
        family.add(Link::of(&key, &ledger.places, &mut ledger.namer).brief(), count as f64);
    }
    family
}

/// Whether its handshake is done and it is not closed; a listener is no connection.
fn is_open(connection: &Connection) -> bool {
    let is_connection = connection.role != Role::Listener;
    is_connection
        && !matches!(connection.state.name(), "SYN_SENT" | "SYN_RECV" | "NEW_SYN_RECV" | "TIME_WAIT" | "CLOSE")
}

/// What the kernel counts it under.
fn key_of(connection: &Connection) -> Key {
    let Connection { role, cgroup, netns, comm, local, remote, .. } = connection;
    let port = if *role == Role::Client { remote } else { local }.port();
    Key { role: *role, cgroup: *cgroup, netns: *netns, comm: comm.clone(), remote: remote.ip(), port }
}
