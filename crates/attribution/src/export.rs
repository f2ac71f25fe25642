//! What the witness has counted, as Prometheus metrics: Istio's names where Istio has one, `meshtax_` elsewhere.

mod dns;
mod drops;
mod nat;
mod open;
mod tcp;
mod udp;

use std::collections::BTreeMap;
use std::time::Duration;

use records::{Connection, ConnectionRole};

use crate::account::AnyAccount;
use crate::label::Labels;
use crate::ledger::Ledger;
use crate::listener::listener_labels;
use crate::metric::{Family, MetricKind};
use crate::namer::Namer;
use crate::own::own;
use crate::scrape::Scrape;
use crate::workload::workloads;

/// The metrics of one scrape, after the ledger has read: what is new goes into its sums, and these come out.
pub fn families(reading: &Scrape, ledger: &mut Ledger, now: Duration) -> Vec<Family> {
    ledger.count(reading, now);
    let mut gauges: Vec<Family> = listeners(&reading.connections, &mut ledger.namer).into();
    gauges.push(workloads(&reading.connections, ledger));
    gauges.push(open::open(&reading.connections, ledger));
    ledger.bound(&mut gauges);
    let mut families = ledger.tcp.families();
    families.extend(gauges);
    families.push(dropped(ledger));
    families.extend(ledger.others.iter().flat_map(|account| account.families()));
    families.extend(nat::families(reading, ledger));
    families.extend(own(reading, ledger));
    families
}

/// How full the queues of what listens are: where several share a name and a port, one may be full beside empty ones, and the
/// fullest tells.
fn listeners(connections: &[Connection], namer: &mut Namer) -> [Family; 3] {
    let mut queue = Family::new(
        "meshtax_tcp_accept_queue_length",
        MetricKind::Gauge,
        "Connections that wait, at the fullest listener.",
    );
    let mut limit = Family::new("meshtax_tcp_accept_queue_limit", MetricKind::Gauge, "Connections that may wait.");
    let mut syn = Family::new("meshtax_tcp_syn_queue_length", MetricKind::Gauge, "Opens that are not complete.");
    let mut fullest: BTreeMap<Labels, &Connection> = BTreeMap::new();
    for listener in connections.iter().filter(|connection| connection.role == ConnectionRole::Listener) {
        let known = fullest.entry(listener_labels(listener, namer)).or_insert(listener);
        if is_fuller(listener, known) {
            *known = listener;
        }
    }
    for (labels, listener) in fullest {
        queue.add(labels.clone(), listener.queue.into());
        limit.add(labels.clone(), listener.queue_max.into());
        syn.add(labels, listener.syn_queue.into());
    }
    [queue, limit, syn]
}

/// By the share of what may wait, which is one more than the limit.
fn is_fuller(one: &Connection, other: &Connection) -> bool {
    let share = |length: &Connection, limit: &Connection| u64::from(length.queue) * (u64::from(limit.queue_max) + 1);
    share(one, other) > share(other, one)
}

/// What listeners dropped.
fn dropped(ledger: &Ledger) -> Family {
    let mut drops = Family::new(
        "meshtax_tcp_listen_drops_total",
        MetricKind::Counter,
        "Packets that listeners dropped: for want of room, and opens that were repeated, broken off, or deferred.",
    );
    for (labels, dropped) in ledger.drops.sums() {
        drops.add(labels.clone(), *dropped as f64);
    }
    drops
}

#[cfg(test)]
mod tests;
