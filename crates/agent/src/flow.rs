use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use probe::{Connection, Role};

/// What moves between two looks. Every byte is told once, whenever its connection ends.
#[derive(Debug, Default)]
pub struct Flow {
    /// What was told of connections that may still be open, by id.
    told: HashMap<u64, Told>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    sent: u64,
    received: u64,
    retransmits: u32,
    /// It was not there at the last look, and its end was not told yet, either.
    absent: bool,
}

impl Flow {
    /// What moved since the last look over connections that have `closed` meanwhile and those that are `open` now, looked
    /// up in this order: busiest first, and only what moved anything.
    pub fn since(&mut self, closed: &[Connection], open: &[Connection]) -> Vec<Connection> {
        let mut moved: Vec<Connection> = closed.iter().map(|closed| self.news(closed)).collect();
        for closed in closed {
            self.told.remove(&closed.id);
        }
        // The end of one that is gone comes with the next look, or got lost.
        let alive: HashSet<u64> = open.iter().map(|open| open.id).collect();
        self.told.retain(|id, told| alive.contains(id) || !std::mem::replace(&mut told.absent, true));
        for open in open.iter().filter(|open| open.role != Role::Listener) {
            moved.push(self.news(open));
            let Connection { sent, received, retransmits, .. } = *open;
            let told = Told { sent, received, retransmits, absent: false };
            self.told.insert(open.id, told);
        }
        moved.retain(|moved| moved.sent + moved.received > 0);
        moved.sort_by_key(|moved| Reverse(moved.sent + moved.received));
        moved
    }

    fn news(&self, connection: &Connection) -> Connection {
        let told = self.told.get(&connection.id).copied().unwrap_or_default();
        Connection {
            sent: connection.sent.saturating_sub(told.sent),
            received: connection.received.saturating_sub(told.received),
            retransmits: connection.retransmits.saturating_sub(told.retransmits),
            ..connection.clone()
        }
    }
}
