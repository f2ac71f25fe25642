//! Lines of `meshtax drops`: the columns of bcc's `tcpdrop` first, then what else is known.

use jiff::Zoned;
use records::Dropped;
use serde_json::{Map, Value, json};

use crate::filter::Filter;
use crate::happening::Happening;
use crate::table::{Column, Line, cell, nonempty, nonzero};
use crate::totals::Owner;
use crate::who::Who;

/// Columns of the text.
const COLUMNS: [Column; 10] = [
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

/// Names of TCP flags, by bit.
const FLAGS: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

impl Happening for Dropped {
    const COLUMNS: &'static [Column] = &COLUMNS;

    fn owner(&self) -> Owner {
        (self.netns, self.cgroup)
    }

    fn is_admitted(&self, filter: &Filter) -> bool {
        filter.admits_drop(self)
    }

    fn line(&self, who: &Who, now: &Zoned) -> Line {
        Line { facts: facts(self, who, now), cells: cells(self, who, now) }
    }
}

fn cells(dropped: &Dropped, who: &Who, now: &Zoned) -> Vec<String> {
    vec![
        now.strftime("%H:%M:%S").to_string(),
        cell(nonzero(dropped.pid)),
        cell(nonempty(&dropped.comm)),
        dropped.protocol.clone(),
        cell(dropped.source),
        ">".to_owned(),
        cell(dropped.destination),
        cell(dropped.state),
        dropped.reason.clone(),
        cell(nonempty(&who.pod)),
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
        "state": dropped.state,
        "pid": nonzero(dropped.pid),
        "uid": nonzero(dropped.pid).map(|_| dropped.uid),
        "comm": nonempty(&dropped.comm),
        "cgroup": nonzero(dropped.cgroup),
        "netns": nonzero(dropped.netns),
        "pod": nonempty(&who.pod),
        "id": nonzero(dropped.id),
    });
    let Value::Object(facts) = facts else { unreachable!("the macro makes an object") };
    facts
}

/// Returns the names of TCP flags, such as `SYN|ACK`.
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
