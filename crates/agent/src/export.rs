//! What the witness has counted, as Prometheus metrics: Istio's names where Istio has one, `meshtax_` elsewhere.

mod dns;
mod drops;
mod nat;
mod open;
mod udp;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use probe::{Connection, Counter, Counters, RTT_BOUNDS_US, Role, Series};

use crate::grouping;
use crate::label::Labels;
use crate::ledger::Ledger;
use crate::link::{Link, SOURCE};
use crate::metric::{Family, Kind};
use crate::namer::Namer;
use crate::own::own;
use crate::reading::Reading;
use crate::workload::workloads;

/// The metrics of one scrape: what is new goes into the ledger, and its sums come out.
pub fn families(reading: &Reading, ledger: &mut Ledger, now: Instant) -> Vec<Family> {
    ledger.count(reading, now);
    let mut tcp = Tcp::new();
    for (link, series) in ledger.tcp.sums() {
        tcp.add(link, series);
    }
    let mut gauges: Vec<Family> = listeners(&reading.connections, &mut ledger.namer).into();
    gauges.push(workloads(reading, &mut ledger.namer));
    gauges.push(open::open(&reading.connections, ledger));
    ledger.bound(&mut gauges);
    let own = own(reading, ledger.overflows());
    let mut families = tcp.into_families();
    families.extend(gauges);
    families.push(dropped(ledger));
    if let Some(counted) = &reading.beyond.dns {
        families.extend(dns::families(ledger.beyond.dns.sums(), &counted.losses));
    }
    if let Some(counted) = &reading.beyond.udp {
        families.extend(udp::families(ledger.beyond.udp.sums(), &counted.losses));
    }
    if let Some(counted) = &reading.beyond.drops {
        families.extend(drops::families(ledger.beyond.drops.sums(), &counted.losses));
    }
    families.extend(nat::families(reading, ledger));
    families.extend(own);
    families
}

/// Counters of connections that have families of their own: under Istio's names, with labels of their own, or as histogram.
const APART: [&str; 9] =
    ["opened", "closed", "sent", "received", "resets_sent", "resets_received", "handshake_ns", "rtt_sum_us", "rtt"];

/// Names of counters that say more than the kernel's; all others are `meshtax_tcp_NAME_total`.
const NAMED: [(&str, &str); 7] = [
    ("failed", "meshtax_tcp_connect_failures_total"),
    ("reset", "meshtax_tcp_connections_aborted_total"),
    ("retransmitted", "meshtax_tcp_retransmitted_bytes_total"),
    ("retransmits", "meshtax_tcp_retransmitted_segments_total"),
    ("out_of_order", "meshtax_tcp_out_of_order_segments_total"),
    ("bypassed", "meshtax_tcp_unknown_bytes_connections_total"),
    ("untimed", "meshtax_tcp_handshakes_untimed_total"),
];

/// Families about connections.
struct Tcp {
    istio: [Family; 4],
    own: [Family; 4],
    /// By the counter's name.
    plain: Vec<(&'static str, Family)>,
    resets: Family,
    handshake: Family,
    rtt: Family,
}

impl Tcp {
    fn new() -> Self {
        let counter = |name, help| Family::new(name, Kind::Counter, help);
        let plain = Series::COUNTERS.iter().filter(|counter| !APART.contains(&counter.name));
        Self {
            istio: [
                counter("istio_tcp_sent_bytes_total", "Bytes that servers sent."),
                counter("istio_tcp_received_bytes_total", "Bytes that servers received."),
                counter("istio_tcp_connections_opened_total", "Connections opened."),
                counter("istio_tcp_connections_closed_total", "Connections closed."),
            ],
            own: [
                counter("meshtax_tcp_sent_bytes_total", "Bytes that servers sent, where a sidecar reports them, too."),
                counter("meshtax_tcp_received_bytes_total", "Bytes that servers received, likewise."),
                counter("meshtax_tcp_connections_opened_total", "Connections opened, likewise."),
                counter("meshtax_tcp_connections_closed_total", "Connections closed, likewise."),
            ],
            plain: plain.map(plain_family).collect(),
            resets: counter(
                "meshtax_tcp_resets_total",
                "Resets, by whether the side that reports sent (transmit) or received them.",
            ),
            handshake: counter(
                "meshtax_tcp_handshake_seconds_total",
                "Time that handshakes took, summed over connections opened, without those that are not timed.",
            ),
            rtt: Family::new(
                "meshtax_tcp_rtt_seconds",
                Kind::Histogram,
                "Smoothed round-trip times, at scrapes and ends of connections that moved something.",
            ),
        }
    }

    fn add(&mut self, link: &Link, series: &Series) {
        // Istio counts what the server sent as sent, whichever side reports.
        let is_client = link.reporter == SOURCE;
        let (sent, received) = if is_client { (series.received, series.sent) } else { (series.sent, series.received) };
        let labels = Arc::new(link.labels());
        let same = if link.is_meshed { &mut self.own } else { &mut self.istio };
        for (family, more) in same.iter_mut().zip([sent, received, series.opened, series.closed]) {
            family.add(Arc::clone(&labels), more as f64);
        }
        let labels = Arc::new(link.brief());
        // Zeros, too: a counter that begins with its first event hides it from rates.
        for (counter, words) in series.each().filter(|(counter, _)| counter.name != "failed" || is_client) {
            if let Some((_, family)) = self.plain.iter_mut().find(|(name, _)| *name == counter.name) {
                family.add(Arc::clone(&labels), words[0] as f64);
            }
        }
        for (direction, count) in [("transmit", series.resets_sent), ("receive", series.resets_received)] {
            let directed =
                labels.iter().cloned().chain([("network_io_direction", direction.into())]).collect::<Labels>();
            self.resets.add(directed, count as f64);
        }
        self.handshake.add(Arc::clone(&labels), series.handshake().as_secs_f64());
        let bounds: Vec<f64> = RTT_BOUNDS_US.iter().map(|bound| f64::from(*bound) / 1e6).collect();
        self.rtt.add_counts(labels, &bounds, &series.rtt, series.rtt_sum_us as f64 / 1e6);
    }

    fn into_families(self) -> Vec<Family> {
        let plain = self.plain.into_iter().map(|(_, family)| family);
        self.istio.into_iter().chain(self.own).chain(plain).chain([self.resets, self.handshake, self.rtt]).collect()
    }
}

fn plain_family(counter: &Counter) -> (&'static str, Family) {
    let named = NAMED.iter().find(|(name, _)| *name == counter.name);
    let name = named.map_or_else(|| format!("meshtax_tcp_{}_total", counter.name), |(_, name)| (*name).to_owned());
    (counter.name, Family::new(name, Kind::Counter, counter.about.trim_start()))
}

/// How full the queues of what listens are: where several share a name and a port, one may be full beside empty ones, and the
/// fullest tells.
fn listeners(connections: &[Connection], namer: &mut Namer) -> [Family; 3] {
    let mut queue =
        Family::new("meshtax_tcp_accept_queue_length", Kind::Gauge, "Connections that wait, at the fullest listener.");
    let mut limit = Family::new("meshtax_tcp_accept_queue_limit", Kind::Gauge, "Connections that may wait.");
    let mut syn = Family::new("meshtax_tcp_syn_queue_length", Kind::Gauge, "Opens that are not complete.");
    let mut fullest: BTreeMap<Labels, &Connection> = BTreeMap::new();
    for listener in connections.iter().filter(|connection| connection.role == Role::Listener) {
        let known = fullest.entry(grouping::of_listener(listener, namer)).or_insert(listener);
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
        Kind::Counter,
        "Packets that listeners dropped: for want of room, and opens that were repeated, broken off, or deferred.",
    );
    for (labels, dropped) in ledger.drops.sums() {
        drops.add(labels.clone(), *dropped as f64);
    }
    drops
}

#[cfg(test)]
mod tests;
