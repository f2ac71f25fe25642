//! What `meshtax drops` tells: the columns of bcc's `tcpdrop` first, then what is known beyond.

use jiff::Zoned;
use probe::{Dropped, State};
use serde_json::{Map, Value, json};

use crate::table::{Column, Line};
use crate::who::Who;

/// Columns of its text.
pub const DROPS: [Column; 10] = [
    Column::words("TIME", 8),
    Column::words("PID", 7),
    Column::words("COMM", 15),
    Column::words("PROTO", 6),
    Column::words("SADDR:SPORT", 21),
    Column::words(">", 1),
    Column::words("DADDR:DPORT", 21),
    Column::words("STATE", 11),
    Column::words("REASON", 18),
    Column::words("POD", 1),
];

/// Flags of TCP by their bit.
const FLAGS: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

/// What is not known of a packet, in a cell.
const NONE: &str = "-";

/// The line that tells of a drop at the time `now`; `who` is the namespace's or the socket's owner.
pub fn drop_line(dropped: &Dropped, who: &Who, now: &Zoned) -> Line {
    Line { facts: facts(dropped, who, now), cells: cells(dropped, who, now) }
}

fn cells(dropped: &Dropped, who: &Who, now: &Zoned) -> Vec<String> {
    let end = |end: Option<_>| end.map_or_else(|| NONE.to_owned(), |end: std::net::SocketAddr| end.to_string());
    let is_owned = !dropped.comm.is_empty();
    vec![
        now.strftime("%H:%M:%S").to_string(),
        if is_owned { dropped.pid.to_string() } else { NONE.to_owned() },
        if is_owned { dropped.comm.clone() } else { NONE.to_owned() },
        dropped.protocol.clone(),
        end(dropped.source),
        ">".to_owned(),
        end(dropped.destination),
        dropped.state.map_or(NONE, State::name).to_owned(),
        dropped.reason.clone(),
        who.pod.clone(),
    ]
}

fn facts(dropped: &Dropped, who: &Who, now: &Zoned) -> Map<String, Value> {
    let facts = json!({
        "time": now.timestamp().to_string(),
        "reason": dropped.reason,
        "benign": dropped.benign,
        "location": dropped.location,
        "protocol": dropped.protocol,
        "source_addr": dropped.source.map(|end| end.ip()),
        "source_port": dropped.source.map(|end| end.port()),
        "destination_addr": dropped.destination.map(|end| end.ip()),
        "destination_port": dropped.destination.map(|end| end.port()),
        "length": dropped.length,
        "tcp_flags": flags(dropped.tcp_flags),
        "state": dropped.state.map(State::name),
        "pid": dropped.pid,
        "uid": dropped.uid,
        "comm": dropped.comm,
        "cgroup": dropped.cgroup,
        "netns": dropped.netns,
        "pod": who.pod,
        "id": dropped.id,
    });
    let Value::Object(facts) = facts else { unreachable!("the macro makes an object") };
    facts
}

/// Names of flags, such as `SYN|ACK`.
fn flags(bits: u8) -> String {
    let set = FLAGS.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_told_in_the_order_of_their_bits() {
        assert_eq!(flags(0x12), "SYN|ACK");
        assert_eq!(flags(0), "");
    }
}
