//! What the witness has counted, as Prometheus metrics: Istio's names where Istio has one, `meshtax_` elsewhere.

mod dns;
mod drops;
mod nat;
mod open;
mod udp;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use probe::{Connection, Key, Losses, RTT_BOUNDS_US, Role, Series};

use crate::beyond::Beyond;
use crate::conntrack::Told;
use crate::ledger::Ledger;
use crate::link::{Link, SOURCE};
use crate::metric::{Family, Kind, Labels};
use crate::own::{Cost, own};
use crate::place::name_of;
use crate::totals::Owner;
use crate::who::Namer;
use crate::workload::workloads;

pub(crate) use dns::labels as dns_labels;
pub(crate) use drops::labels as drop_labels;
pub(crate) use udp::labels as udp_labels;

/// Everything that one scrape reads.
#[derive(Debug)]
pub struct Reading {
    /// Counters.
    pub series: Vec<(Key, Series)>,
    /// What is open.
    pub connections: Vec<Connection>,
    /// What was missed.
    pub losses: Losses,
    /// What is seen beside TCP.
    pub beyond: Beyond,
    /// Who is behind translated addresses; none where nobody looks.
    pub translations: Option<Told>,
    /// What the agent itself costs.
    pub cost: Cost,
}

impl Reading {
    /// Owners of what is open.
    pub(crate) fn open(&self) -> BTreeSet<Owner> {
        self.connections.iter().map(|connection| (connection.netns, connection.cgroup)).collect()
    }

    /// Owners of what was counted.
    pub(crate) fn heard(&self) -> BTreeSet<Owner> {
        self.series.iter().map(|(key, _)| (key.netns, key.cgroup)).collect()
    }
}

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

/// Families about connections.
struct Tcp {
    istio: [Family; 4],
    own: [Family; 4],
    failed: Family,
    reset: Family,
    resets: Family,
    retransmitted: Family,
    retransmits: Family,
    out_of_order: Family,
    bypassed: Family,
    handshake: Family,
    untimed: Family,
    rtt: Family,
}

impl Tcp {
    fn new() -> Self {
        let counter = |name, help| Family::new(name, Kind::Counter, help);
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
            failed: counter(
                "meshtax_tcp_connect_failures_total",
                "Active opens that failed, or were given up by who asked for them.",
            ),
            reset: counter(
                "meshtax_tcp_connections_aborted_total",
                "Connections that were cut off: by a reset of either side, or an error.",
            ),
            resets: counter(
                "meshtax_tcp_resets_total",
                "Resets, by whether the side that reports sent (transmit) or received them.",
            ),
            retransmitted: counter("meshtax_tcp_retransmitted_bytes_total", "Bytes sent again."),
            retransmits: counter("meshtax_tcp_retransmitted_segments_total", "Segments sent again."),
            out_of_order: counter("meshtax_tcp_out_of_order_segments_total", "Segments that came out of order."),
            bypassed: counter(
                "meshtax_tcp_unknown_bytes_connections_total",
                "Connections of which a sockmap may have carried bytes past TCP: the bytes above lack these.",
            ),
            handshake: counter(
                "meshtax_tcp_handshake_seconds_total",
                "Time that handshakes took, summed over connections opened, without those that are not timed.",
            ),
            untimed: counter(
                "meshtax_tcp_handshakes_untimed_total",
                "Connections opened of which nobody knows how long the handshake took: the answer was sent again.",
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
        if is_client {
            self.failed.add(Arc::clone(&labels), series.failed as f64);
        }
        self.reset.add(Arc::clone(&labels), series.reset as f64);
        for (direction, count) in [("transmit", series.resets_sent), ("receive", series.resets_received)] {
            let directed =
                labels.iter().cloned().chain([("network_io_direction", direction.into())]).collect::<Labels>();
            self.resets.add(directed, count as f64);
        }
        self.retransmitted.add(Arc::clone(&labels), series.retransmitted as f64);
        self.retransmits.add(Arc::clone(&labels), series.retransmits as f64);
        self.out_of_order.add(Arc::clone(&labels), series.out_of_order as f64);
        self.bypassed.add(Arc::clone(&labels), series.bypassed as f64);
        self.handshake.add(Arc::clone(&labels), series.handshake.as_secs_f64());
        self.untimed.add(Arc::clone(&labels), series.untimed as f64);
        let bounds: Vec<f64> = RTT_BOUNDS_US.iter().map(|bound| f64::from(*bound) / 1e6).collect();
        self.rtt.add_counts(labels, &bounds, &series.rtt, series.rtt_sum_us as f64 / 1e6);
    }

    fn into_families(self) -> Vec<Family> {
        let rest = [
            self.failed,
            self.reset,
            self.resets,
            self.retransmitted,
            self.retransmits,
            self.out_of_order,
            self.bypassed,
            self.handshake,
            self.untimed,
            self.rtt,
        ];
        self.istio.into_iter().chain(self.own).chain(rest).collect()
    }
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
        Kind::Counter,
        "Packets that listeners dropped: for want of room, and opens that were repeated, broken off, or deferred.",
    );
    for (labels, dropped) in ledger.drops.sums() {
        drops.add(labels.clone(), *dropped as f64);
    }
    drops
}

/// Whose a listener is, and its port.
pub(crate) fn listener_labels(listener: &Connection, namer: &mut Namer) -> Labels {
    let name = name_of(listener.netns, listener.cgroup, &listener.comm, namer);
    vec![("workload", name), ("server_port", listener.local.port().to_string().into())]
}

#[cfg(test)]
mod tests;
