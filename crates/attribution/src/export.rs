//! Export of the witness's counters as Prometheus metrics. Metrics that Istio has get Istio's names; all others begin
//! with `meshtax_`.

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

/// Returns the metrics of one scrape. Call it after [`Ledger::read`]: it adds what is new to the ledger's sums, and
/// exports the sums.
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

/// Returns the queue lengths of listeners. When several listeners share a name and a port, the fullest one is reported,
/// because one can be full beside empty ones.
fn listeners(connections: &[Connection], namer: &mut Namer) -> [Family; 3] {
    let mut queue = Family::new(
        "meshtax_tcp_accept_queue_length",
        MetricKind::Gauge,
        "Connections waiting to be accepted, at the fullest listener.",
    );
    let mut limit = Family::new(
        "meshtax_tcp_accept_queue_limit",
        MetricKind::Gauge,
        "Maximum number of connections that may wait to be accepted.",
    );
    let mut syn =
        Family::new("meshtax_tcp_syn_queue_length", MetricKind::Gauge, "Connections whose handshake is not complete.");
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

/// Compares listeners by the share of the queue in use. The kernel lets one more connection wait than the limit.
fn is_fuller(one: &Connection, other: &Connection) -> bool {
    let share = |length: &Connection, limit: &Connection| u64::from(length.queue) * (u64::from(limit.queue_max) + 1);
    share(one, other) > share(other, one)
}

/// Returns the packets that listeners dropped.
fn dropped(ledger: &Ledger) -> Family {
    let mut drops = Family::new(
        "meshtax_tcp_listen_drops_total",
        MetricKind::Counter,
        "Packets dropped by listeners: the queue was full, or the attempt was repeated, aborted or deferred.",
    );
    for (labels, dropped) in ledger.drops.sums() {
        drops.add(labels.clone(), *dropped as f64);
    }
    drops
}

#[cfg(test)]
mod tests;
