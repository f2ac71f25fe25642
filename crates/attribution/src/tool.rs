//! Lines of the TCP live tools: the columns of bcc's tool of that kind first, then what else is known.

use jiff::Zoned;
use records::{Connection, EventKind};
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::directory::Names;
use crate::table::{Column, Line, cell, nonempty, nonzero};

/// A live tool that prints TCP connections or their events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Connections that ended, as in bcc's `tcplife`.
    Life,
    /// Active opens, as in bcc's `tcpconnect` and `tcpconnlat`.
    Connect,
    /// Passive opens, as in bcc's `tcpaccept`.
    Accept,
    /// Retransmitted segments, as in bcc's `tcpretrans`.
    Retrans,
    /// Resets, sent and received.
    Resets,
    /// Open connections, busiest first, as in bcc's `tcptop`.
    Top,
}

const LIFE: [Column; 13] = [
    Column::words("PID", 7),
    Column::words("COMM", 15),
    Column::words("LADDR", 15),
    Column::words("LPORT", 5),
    Column::words("RADDR", 15),
    Column::words("RPORT", 5),
    Column::number("TX_KB", 8),
    Column::number("RX_KB", 8),
    Column::number("MS", 10),
    Column::number("RTT_MS", 8),
    Column::number("RETR", 5),
    Column::words("POD", 15),
    Column::words("SERVICE", 1),
];
const CONNECT: [Column; 10] = [
    Column::words("PID", 7),
    Column::words("COMM", 15),
    Column::words("IP", 2),
    Column::words("SADDR", 15),
    Column::words("DADDR", 15),
    Column::words("DPORT", 6),
    Column::number("LAT_MS", 8),
    Column::words("RESULT", 13),
    Column::words("POD", 15),
    Column::words("SERVICE", 1),
];
const ACCEPT: [Column; 10] = [
    Column::words("PID", 7),
    Column::words("COMM", 15),
    Column::words("IP", 2),
    Column::words("RADDR", 15),
    Column::words("RPORT", 5),
    Column::words("LADDR", 15),
    Column::words("LPORT", 5),
    Column::number("LAT_MS", 8),
    Column::words("POD", 15),
    Column::words("SERVICE", 1),
];
const RETRANS: [Column; 11] = [
    Column::words("TIME", 8),
    Column::words("PID", 7),
    Column::words("IP", 2),
    Column::words("LADDR:LPORT", 21),
    Column::words("T>", 2),
    Column::words("RADDR:RPORT", 21),
    Column::words("STATE", 11),
    Column::number("RETR", 5),
    Column::number("RTT_MS", 8),
    Column::words("POD", 15),
    Column::words("SERVICE", 1),
];
const RESETS: [Column; 9] = [
    Column::words("TIME", 8),
    Column::words("PID", 7),
    Column::words("COMM", 15),
    Column::words("LADDR:LPORT", 21),
    Column::words("R", 2),
    Column::words("RADDR:RPORT", 21),
    Column::words("STATE", 11),
    Column::words("POD", 15),
    Column::words("SERVICE", 1),
];
const TOP: [Column; 10] = [
    Column::words("PID", 7),
    Column::words("COMM", 15),
    Column::words("LADDR", 21),
    Column::words("RADDR", 21),
    Column::number("RX_KB", 8),
    Column::number("TX_KB", 8),
    Column::number("RTT_MS", 8),
    Column::number("RETR", 5),
    Column::words("POD", 15),
    Column::words("SERVICE", 1),
];

impl Tool {
    /// Returns the columns of the tool's text.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Life => &LIFE,
            Self::Connect => &CONNECT,
            Self::Accept => &ACCEPT,
            Self::Retrans => &RETRANS,
            Self::Resets => &RESETS,
            Self::Top => &TOP,
        }
    }

    /// Returns the kinds of events that the tool prints; none for a tool that reads the open connections.
    pub fn kinds(self) -> &'static [EventKind] {
        match self {
            Self::Life => &[EventKind::Closed],
            Self::Connect => &[EventKind::Connected, EventKind::Failed],
            Self::Accept => &[EventKind::Accepted],
            Self::Retrans => &[EventKind::Retransmitted, EventKind::SynackAgain],
            Self::Resets => &[EventKind::ResetSent, EventKind::ResetReceived],
            Self::Top => &[],
        }
    }

    /// Returns whether the tool is useless without byte counts.
    pub fn needs_bytes(self) -> bool {
        matches!(self, Self::Life | Self::Top)
    }

    /// Returns the tool's line for a connection.
    pub fn line(self, connection: &Connection, names: &Names, now: &Clock) -> Line {
        Line { facts: facts(self, connection, names, now), cells: self.cells(connection, names, &now.wall) }
    }

    fn cells(self, connection: &Connection, names: &Names, now: &Zoned) -> Vec<String> {
        let Connection { pid, comm, local, remote, .. } = connection;
        let (pid, comm, pod) = (cell(nonzero(*pid)), cell(nonempty(comm)), cell(nonempty(&names.pod)));
        let service = cell(names.service.as_ref());
        let family = if local.is_ipv4() { "4" } else { "6" }.to_owned();
        let [local_ip, remote_ip] = [local, remote].map(|end| end.ip().to_string());
        let [local_port, remote_port] = [local, remote].map(|end| cell(nonzero(end.port())));
        let [tx, rx] = bytes(connection).map(|bytes| cell(bytes.map(|bytes| bytes / 1024)));
        let rtt = cell(nonzero(connection.srtt_us).map(|srtt| ms(f64::from(srtt) / 1e3)));
        let again = connection.retransmits.to_string();
        let latency = cell(handshake_ms(connection).map(ms));
        let [local_end, remote_end] = [local, remote].map(ToString::to_string);
        let (time, state) = (now.strftime("%H:%M:%S").to_string(), connection.state.to_string());
        match self {
            Self::Life => {
                let lived = cell(duration_ms(connection).map(|lived| format!("{lived:.2}")));
                vec![pid, comm, local_ip, local_port, remote_ip, remote_port, tx, rx, lived, rtt, again, pod, service]
            }
            Self::Connect => {
                let result = connection.error.clone().unwrap_or_else(|| "ok".to_owned());
                vec![pid, comm, family, local_ip, remote_ip, remote_port, latency, result, pod, service]
            }
            Self::Accept => {
                vec![pid, comm, family, remote_ip, remote_port, local_ip, local_port, latency, pod, service]
            }
            Self::Retrans => {
                vec![time, pid, family, local_end, "R>".to_owned(), remote_end, state, again, rtt, pod, service]
            }
            Self::Resets => {
                let way = if connection.kind == EventKind::ResetSent { "->" } else { "<-" }.to_owned();
                vec![time, pid, comm, local_end, way, remote_end, state, pod, service]
            }
            Self::Top => vec![pid, comm, local_end, remote_end, rx, tx, rtt, again, pod, service],
        }
    }
}

/// Returns the facts for JSON and CSV. Units are bytes, milliseconds and microseconds, and nothing is rounded. Unknown
/// facts are null.
fn facts(tool: Tool, connection: &Connection, names: &Names, now: &Clock) -> Map<String, Value> {
    let Connection { local, remote, .. } = connection;
    let [sent, received] = bytes(connection);
    let facts = json!({
        "time": now.wall.timestamp().to_string(),
        "event": connection.kind,
        "role": connection.role,
        "state": connection.state,
        "local_addr": local.ip(),
        "local_port": nonzero(local.port()),
        "remote_addr": remote.ip(),
        "remote_port": nonzero(remote.port()),
        "bytes_sent": sent,
        "bytes_received": received,
        "bytes_retransmitted": connection.retransmitted,
        "retransmits": connection.retransmits,
        "opened": connection.begun.map(|begun| now.time_of(begun)),
        "established": connection.established.map(|established| now.time_of(established)),
        "closed": (connection.kind == EventKind::Closed).then(|| now.time_of(connection.at)),
        "duration_ms": duration_ms(connection),
        "handshake_ms": handshake_ms(connection),
        "srtt_us": nonzero(connection.srtt_us),
        "rttvar_us": nonzero(connection.srtt_us).map(|_| connection.rttvar_us),
        "rtt_min_us": nonzero(connection.rtt_min_us),
        "lost": connection.lost,
        "out_of_order": connection.out_of_order,
        "reordered": connection.reordered,
        "ecn_marked": connection.ecn_marked,
        "zero_window_sent": connection.flags.zero_window_sent,
        "zero_window_received": connection.flags.zero_window_received,
        "older_than_probe": connection.flags.seeded,
        "error": connection.error,
        "pid": nonzero(connection.pid),
        "uid": nonzero(connection.pid).map(|_| connection.uid),
        "comm": nonempty(&connection.comm),
        "cgroup": nonzero(connection.cgroup),
        "netns": nonzero(connection.netns),
        "pod": nonempty(&names.pod),
        "service": names.service,
        "id": nonzero(connection.id),
    });
    let Value::Object(mut facts) = facts else { unreachable!("the macro makes an object") };
    if tool == Tool::Top {
        facts.remove("event");
    }
    if connection.flags.partial {
        facts["older_than_probe"] = Value::Null;
    }
    if connection.kind == EventKind::Queued {
        let queues = json!({
            "accept_queue": connection.queue,
            "accept_queue_max": connection.queue_max,
            "syn_queue": connection.syn_queue,
            "listen_drops": connection.drops,
        });
        facts.extend(queues.as_object().expect("the macro makes an object").clone());
    }
    facts
}

/// Returns the bytes sent and received, where they are known.
pub fn bytes(connection: &Connection) -> [Option<u64>; 2] {
    let Connection { sent, received, flags, .. } = connection;
    let is_known = !flags.partial && !flags.bypassed;
    [*sent, *received].map(|bytes| is_known.then_some(bytes))
}

/// Returns how long the connection was established, in milliseconds.
fn duration_ms(connection: &Connection) -> Option<f64> {
    connection.established.map(|since| (connection.at.saturating_sub(since)).as_secs_f64() * 1e3)
}

/// Returns the time from the first SYN to the end of the handshake or of the attempt, in milliseconds.
fn handshake_ms(connection: &Connection) -> Option<f64> {
    let end = match connection.kind {
        EventKind::Failed => connection.at,
        _ => connection.established?,
    };
    connection.begun.map(|begun| end.saturating_sub(begun).as_secs_f64() * 1e3)
}

fn ms(value: f64) -> String {
    format!("{value:.3}")
}

/// Draws a histogram by powers of two, as bcc does. `label` names the unit of the values.
pub fn histogram(label: &str, values: impl IntoIterator<Item = u64>) -> String {
    const WIDTH: usize = 40;
    let mut counts: Vec<usize> = Vec::new();
    for value in values {
        let slot = (u64::BITS - value.leading_zeros()) as usize;
        counts.resize(counts.len().max(slot + 1), 0);
        counts[slot] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let mut text = format!("{label:>20} : count    distribution\n");
    for (slot, count) in counts.iter().enumerate().skip_while(|(_, count)| **count == 0) {
        let (low, high) = if slot == 0 { (0, 0) } else { (1u64 << (slot - 1), (1u64 << (slot - 1)) * 2 - 1) };
        let stars = "*".repeat(count * WIDTH / most);
        text += &format!("{low:>10} -> {high:<10} : {count:<8} |{stars:<WIDTH$}|\n");
    }
    text
}

#[cfg(test)]
mod tests;
