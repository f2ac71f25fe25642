//! Lines of `meshtax udp`: what each UDP series moved in an interval, in columns like those of `meshtax top`.

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff::Zoned;
use records::{CounterKey, Counters, UdpKey, UdpSeries};
use serde_json::{Map, Value, json};

use crate::filter::Filter;
use crate::happening::Happening;
use crate::label::OTHER;
use crate::table::{Column, Line, cell, nonempty, nonzero};
use crate::totals::Owner;
use crate::who::Who;

/// Columns of the text.
const COLUMNS: [Column; 10] = [
    Column::words("PID", 7),
    Column::words("COMM", 15),
    Column::words("LPORT", 5),
    Column::words("RADDR", 21),
    Column::number("RX_DG", 7),
    Column::number("RX_KB", 7),
    Column::number("TX_DG", 7),
    Column::number("TX_KB", 7),
    Column::number("DROPS", 6),
    Column::words("POD", 1),
];

/// Finds what each UDP series moved since the previous reading.
#[derive(Debug, Default)]
pub struct DatagramFlow {
    told: HashMap<UdpKey, UdpSeries>,
}

impl DatagramFlow {
    /// Returns the series that moved something since the last call, busiest first. `now` holds the kernel's counters.
    pub fn since(&mut self, now: Vec<(UdpKey, UdpSeries)>) -> Vec<(UdpKey, UdpSeries)> {
        let mut moved: Vec<(UdpKey, UdpSeries)> = Vec::new();
        for (key, series) in now {
            let told = self.told.insert(key.clone(), series).unwrap_or_default();
            let news = series.since(&told);
            if news != UdpSeries::default() {
                moved.push((key, news));
            }
        }
        moved.sort_by_key(|(_, news)| Reverse((news.sent_bytes + news.received_bytes, news.sent + news.received)));
        moved
    }
}

impl Happening for (UdpKey, UdpSeries) {
    const COLUMNS: &'static [Column] = &COLUMNS;

    fn owner(&self) -> Owner {
        (self.0.netns, self.0.cgroup)
    }

    fn is_admitted(&self, filter: &Filter) -> bool {
        filter.admits_udp(&self.0)
    }

    fn line(&self, who: &Who, now: &Zoned) -> Line {
        let (key, moved) = self;
        Line { facts: facts(key, moved, who, now), cells: cells(key, moved, who) }
    }
}

/// Returns the name of the series' process. The overflow series has the name `other`; the kernel's own has none.
fn owner(key: &UdpKey) -> Option<&str> {
    if key.is_other() { Some(OTHER) } else { nonempty(&key.comm) }
}

fn cells(key: &UdpKey, moved: &UdpSeries, who: &Who) -> Vec<String> {
    let kb = |bytes: u64| (bytes / 1024).to_string();
    vec![
        cell(nonzero(key.pid)),
        cell(owner(key)),
        key.local_port.to_string(),
        key.remote.to_string(),
        moved.received.to_string(),
        kb(moved.received_bytes),
        moved.sent.to_string(),
        kb(moved.sent_bytes),
        moved.dropped().to_string(),
        cell(nonempty(&who.pod)),
    ]
}

fn facts(key: &UdpKey, moved: &UdpSeries, who: &Who, now: &Zoned) -> Map<String, Value> {
    let facts = json!({
        "time": now.timestamp().to_string(),
        "role": key.role,
        "local_port": key.local_port,
        "remote_addr": key.remote.ip(),
        "remote_port": key.remote.port(),
        "datagrams_sent": moved.sent,
        "bytes_sent": moved.sent_bytes,
        "datagrams_received": moved.received,
        "bytes_received": moved.received_bytes,
        "dropped": moved.dropped(),
        "dropped_queue_full": moved.overflowed,
        "dropped_no_memory": moved.starved,
        "dropped_other": moved.failed,
        "pid": nonzero(key.pid),
        "comm": owner(key),
        "cgroup": nonzero(key.cgroup),
        "netns": nonzero(key.netns),
        "pod": nonempty(&who.pod),
    });
    let Value::Object(facts) = facts else { unreachable!("the macro makes an object") };
    facts
}

#[cfg(test)]
mod tests {
    use records::UdpRole;

    use super::*;

    fn key(local_port: u16) -> UdpKey {
        let remote = "10.0.0.2:53".parse().unwrap();
        UdpKey { role: UdpRole::Client, cgroup: 1, netns: 2, pid: 3, comm: "dig".to_owned(), local_port, remote }
    }

    #[test]
    fn what_moved_is_told_once_and_the_busiest_first() {
        let sent = |sent: u64| UdpSeries { sent, sent_bytes: sent * 10, ..UdpSeries::default() };
        let mut datagrams = DatagramFlow::default();
        let first = datagrams.since(vec![(key(1), sent(2)), (key(2), sent(5)), (key(3), sent(0))]);
        assert_eq!(first, [(key(2), sent(5)), (key(1), sent(2))]);
        assert_eq!(datagrams.since(vec![(key(1), sent(9)), (key(2), sent(5))]), [(key(1), sent(7))]);
    }
}
