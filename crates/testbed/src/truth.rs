//! What both ends of connections did, and what was reported about them.

use std::collections::BTreeMap;

use crate::traffic::Moved;
use serde_json::Value;

/// Bytes sent and received by the ends of connections, by local and remote port.
pub type Truth = BTreeMap<(u16, u16), (u64, u64)>;

/// Returns what both ends of connections have moved.
pub fn truth(moved: &[Moved]) -> Truth {
    let client = moved.iter().map(|moved| ((moved.client, moved.server), (moved.up, moved.down)));
    let server = moved.iter().map(|moved| ((moved.server, moved.client), (moved.down, moved.up)));
    client.chain(server).collect()
}

/// Returns what the lines of a live tool report about connections.
pub fn told(lines: &[Value]) -> Truth {
    let number = |line: &Value, name: &str| line[name].as_u64().unwrap_or_else(|| panic!("{name} of {line}"));
    let port = |line: &Value, name| u16::try_from(number(line, name)).unwrap();
    let ends = |line: &Value| (port(line, "local_port"), port(line, "remote_port"));
    let told: Truth =
        lines.iter().map(|line| (ends(line), (number(line, "bytes_sent"), number(line, "bytes_received")))).collect();
    assert_eq!(told.len(), lines.len(), "no end is told twice");
    told
}

/// Returns a number in a line.
pub fn number(line: &Value, name: &str) -> u64 {
    line[name].as_u64().unwrap_or_else(|| panic!("no {name} in {line}"))
}
