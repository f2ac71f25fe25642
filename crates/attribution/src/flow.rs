use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::mem;

use records::{Connection, ConnectionRole};

/// Finds what each connection moved between two looks. Every byte is reported once, whenever its connection ends.
#[derive(Debug, Default)]
pub struct Flow {
    /// What was reported of connections that may still be open, by connection id.
    told: HashMap<u64, Baseline>,
    /// Connections whose end was reported at the last look. A connection that was just ending may still be listed as
    /// open.
    ended: HashSet<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Baseline {
    sent: u64,
    received: u64,
    retransmitted: u64,
    retransmits: u32,
    out_of_order: u32,
    reordered: u32,
    ecn_marked: u32,
    /// Whether the connection was missing at the last look although its end had not been reported.
    absent: bool,
}

impl Flow {
    /// Returns what moved since the last look, busiest first. Take `closed` before `open`. Connections that moved
    /// nothing are left out, unless they retransmitted or their bytes could not be counted.
    pub fn since(&mut self, closed: &[Connection], open: &[Connection]) -> Vec<Connection> {
        let mut moved: Vec<Connection> = closed.iter().map(|closed| self.news(closed)).collect();
        for closed in closed {
            self.told.remove(&closed.id);
        }
        let before = mem::replace(&mut self.ended, closed.iter().map(|closed| closed.id).collect());
        let has_ended = |id: &u64| before.contains(id) || self.ended.contains(id);
        let open: Vec<&Connection> =
            open.iter().filter(|open| open.role != ConnectionRole::Listener && !has_ended(&open.id)).collect();
        // The end of a missing connection arrives with the next look, or is lost.
        let alive: HashSet<u64> = open.iter().map(|open| open.id).collect();
        self.told.retain(|id, told| alive.contains(id) || !mem::replace(&mut told.absent, true));
        for open in open {
            moved.push(self.news(open));
            let told = self.told.entry(open.id).or_default();
            // A snapshot can fall back by one byte while a FIN is on its way.
            told.sent = told.sent.max(open.sent);
            told.received = told.received.max(open.received);
            told.retransmitted = told.retransmitted.max(open.retransmitted);
            told.retransmits = told.retransmits.max(open.retransmits);
            told.out_of_order = told.out_of_order.max(open.out_of_order);
            told.reordered = told.reordered.max(open.reordered);
            told.ecn_marked = told.ecn_marked.max(open.ecn_marked);
            told.absent = false;
        }
        moved.retain(|moved| moved.sent + moved.received > 0 || moved.retransmits > 0 || moved.flags.bypassed);
        moved.sort_by_key(|moved| Reverse(moved.sent + moved.received));
        moved
    }

    fn news(&self, connection: &Connection) -> Connection {
        let told = self.told.get(&connection.id).copied().unwrap_or_default();
        Connection {
            sent: connection.sent.saturating_sub(told.sent),
            received: connection.received.saturating_sub(told.received),
            retransmitted: connection.retransmitted.saturating_sub(told.retransmitted),
            retransmits: connection.retransmits.saturating_sub(told.retransmits),
            out_of_order: connection.out_of_order.saturating_sub(told.out_of_order),
            reordered: connection.reordered.saturating_sub(told.reordered),
            ecn_marked: connection.ecn_marked.saturating_sub(told.ecn_marked),
            ..connection.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::tests::socket;

    #[test]
    fn what_is_only_sent_again_is_told_and_so_is_what_is_new_of_all_else() {
        let stalled = |retransmits, retransmitted| Connection {
            retransmits,
            retransmitted,
            ..socket(ConnectionRole::Client, 1, "curl", "10.0.0.1:5000")
        };
        let mut flow = Flow::default();
        let mut news = |open| {
            let told = flow.since(&[], &[open]);
            told.iter().map(|told| (told.retransmits, told.retransmitted)).collect::<Vec<_>>()
        };
        assert_eq!(news(stalled(0, 0)), []);
        assert_eq!(news(stalled(2, 2_800)), [(2, 2_800)]);
        assert_eq!(news(stalled(3, 4_200)), [(1, 1_400)]);
        assert_eq!(news(stalled(3, 4_200)), []);
    }
}
