//! What the witness has counted, as Prometheus metrics: Istio's names where Istio has one, `meshtax_` elsewhere.

mod drops;
mod udp;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use probe::{Connection, DropKey, DropLosses, Key, Losses, RTT_BOUNDS_US, Role, Series, UdpKey, UdpLosses, UdpSeries};

use crate::metric::{Family, Kind, Labels};
use crate::who::Namer;

/// Command of a sidecar's proxy; where it listens beside an application, Istio's metrics come from it.
const PROXY: &str = "envoy";

/// What is not known, in Istio's words.
const UNKNOWN: &str = "unknown";

/// Everything that one scrape reads.
#[derive(Debug)]
pub struct Reading {
    /// Counters.
    pub series: Vec<(Key, Series)>,
    /// What is open.
    pub connections: Vec<Connection>,
    /// What was missed.
    pub losses: Losses,
    /// Packets that were dropped, and what was missed of them; none where nobody looks.
    pub drops: Option<(Vec<(DropKey, u64)>, DropLosses)>,
    /// Datagrams, likewise.
    pub udp: Option<(Vec<(UdpKey, UdpSeries)>, UdpLosses)>,
    /// What the agent itself costs.
    pub cost: Cost,
}

/// What the agent itself costs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// CPU time of its process so far, in seconds.
    pub cpu_s: f64,
    /// Its resident memory, in bytes.
    pub memory_bytes: u64,
    /// How long this reading took, in seconds.
    pub reading_s: f64,
}

/// The metrics of one scrape.
pub fn families(reading: &Reading, namer: &mut Namer) -> Vec<Family> {
    namer.refresh();
    let places = Places::of(&reading.connections, namer);
    let mut families = Tcp::new();
    for (key, series) in &reading.series {
        families.add(key, series, &places, namer);
    }
    let mut all: Vec<Family> = families.into_families();
    all.extend(listeners(&reading.connections, namer));
    if let Some((series, losses)) = &reading.drops {
        all.extend(drops::families(series, losses, namer));
    }
    if let Some((series, losses)) = &reading.udp {
        all.extend(udp::families(series, losses, &places, namer));
    }
    all.extend(own(reading));
    all
}

/// What is known of addresses and namespaces from the sockets in them.
struct Places {
    /// Who owns an address on this machine; those that several own are left out.
    owners: HashMap<IpAddr, String>,
    /// Network namespaces in which a sidecar's proxy listens.
    meshed: HashSet<u32>,
}

impl Places {
    fn of(connections: &[Connection], namer: &mut Namer) -> Self {
        let mut owners: HashMap<IpAddr, Option<String>> = HashMap::new();
        let mut meshed = HashSet::new();
        for connection in connections {
            if connection.role == Role::Listener && connection.comm == PROXY {
                meshed.insert(connection.netns);
            }
            let address = connection.local.ip();
            if address.is_loopback() || address.is_unspecified() {
                continue;
            }
            let name = name_of(connection.netns, connection.cgroup, &connection.comm, namer);
            let owner = owners.entry(address).or_insert_with(|| Some(name.clone()));
            if owner.as_ref().is_some_and(|owner| *owner != name) {
                *owner = None;
            }
        }
        let owners = owners.into_iter().filter_map(|(address, owner)| Some((address, owner?))).collect();
        Self { owners, meshed }
    }
}

/// A pod, or on a plain host the process.
fn name_of(netns: u32, cgroup: u64, comm: &str, namer: &mut Namer) -> String {
    let pod = namer.who(netns, cgroup).pod;
    if pod.is_empty() { comm.to_owned() } else { pod }
}

/// Families about connections.
struct Tcp {
    istio: [Family; 4],
    own: [Family; 4],
    failed: Family,
    reset: Family,
    retransmitted: Family,
    retransmits: Family,
    out_of_order: Family,
    handshake: Family,
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
            failed: counter("meshtax_tcp_connect_failures_total", "Active opens that failed."),
            reset: counter("meshtax_tcp_connections_aborted_total", "Connections that ended with an error or a reset."),
            retransmitted: counter("meshtax_tcp_retransmitted_bytes_total", "Bytes sent again."),
            retransmits: counter("meshtax_tcp_retransmitted_segments_total", "Segments sent again."),
            out_of_order: counter("meshtax_tcp_out_of_order_segments_total", "Segments that came out of order."),
            handshake: counter("meshtax_tcp_handshake_seconds_total", "Time that handshakes took, summed."),
            rtt: Family::new(
                "meshtax_tcp_rtt_seconds",
                Kind::Histogram,
                "Smoothed round-trip times, at scrapes and ends of connections that moved something.",
            ),
        }
    }

    fn add(&mut self, key: &Key, series: &Series, places: &Places, namer: &mut Namer) {
        if *series == Series::default() {
            return;
        }
        let labels = labels(key, places, namer);
        // Istio counts what the server sent as sent, whichever side reports.
        let (sent, received) = match key.role {
            Role::Client => (series.received, series.sent),
            _ => (series.sent, series.received),
        };
        let same = if places.meshed.contains(&key.netns) { &mut self.own } else { &mut self.istio };
        for (family, more) in same.iter_mut().zip([sent, received, series.opened, series.closed]) {
            family.add(labels.clone(), more as f64);
        }
        let add = |family: &mut Family, more: f64| {
            if more > 0.0 {
                family.add(labels.clone(), more);
            }
        };
        add(&mut self.failed, series.failed as f64);
        add(&mut self.reset, series.reset as f64);
        add(&mut self.retransmitted, series.retransmitted as f64);
        add(&mut self.retransmits, series.retransmits as f64);
        add(&mut self.out_of_order, series.out_of_order as f64);
        add(&mut self.handshake, series.handshake.as_secs_f64());
        let bounds: Vec<f64> = RTT_BOUNDS_US.iter().map(|bound| f64::from(*bound) / 1e6).collect();
        self.rtt.add_counts(labels, &bounds, &series.rtt, series.rtt_sum_us as f64 / 1e6);
    }

    fn into_families(self) -> Vec<Family> {
        let rest = [
            self.failed,
            self.reset,
            self.retransmitted,
            self.retransmits,
            self.out_of_order,
            self.handshake,
            self.rtt,
        ];
        self.istio.into_iter().chain(self.own).chain(rest).collect()
    }
}

/// Istio's labels of TCP metrics, in its order, as far as a kernel can know them.
fn labels(key: &Key, places: &Places, namer: &mut Namer) -> Labels {
    let here = if key.is_other() { "other".to_owned() } else { name_of(key.netns, key.cgroup, &key.comm, namer) };
    let there = places.owners.get(&key.remote).cloned();
    let (reporter, source, destination) = match key.role {
        Role::Client => ("source", Some(here), there),
        _ => ("destination", there, Some(here)),
    };
    // A client's remote side is a service; who is behind an address that has no name here is told by the address.
    let service = match key.role {
        Role::Client => format!("{}:{}", key.remote, key.port),
        _ => format!("{}:{}", destination.as_deref().unwrap_or(UNKNOWN), key.port),
    };
    let known = |name: Option<String>| name.unwrap_or_else(|| UNKNOWN.to_owned());
    vec![
        ("reporter", reporter.to_owned()),
        ("source_workload", known(source)),
        ("destination_workload", known(destination)),
        ("destination_service", service),
        ("request_protocol", "tcp".to_owned()),
        ("response_flags", "-".to_owned()),
        ("connection_security_policy", if reporter == "source" { UNKNOWN } else { "none" }.to_owned()),
    ]
}

/// How full the queues of what listens are.
fn listeners(connections: &[Connection], namer: &mut Namer) -> [Family; 4] {
    let mut queue =
        Family::new("meshtax_tcp_accept_queue_length", Kind::Gauge, "Connections that wait to be accepted.");
    let mut limit = Family::new("meshtax_tcp_accept_queue_limit", Kind::Gauge, "Connections that may wait.");
    let mut syn = Family::new("meshtax_tcp_syn_queue_length", Kind::Gauge, "Opens that are not complete.");
    let mut drops =
        Family::new("meshtax_tcp_listen_drops_total", Kind::Counter, "Packets dropped by listeners for want of room.");
    for listener in connections.iter().filter(|connection| connection.role == Role::Listener) {
        let name = name_of(listener.netns, listener.cgroup, &listener.comm, namer);
        let labels = vec![("workload", name), ("server_port", listener.local.port().to_string())];
        queue.add(labels.clone(), listener.queue.into());
        limit.add(labels.clone(), listener.queue_max.into());
        syn.add(labels.clone(), listener.syn_queue.into());
        drops.add(labels, listener.drops.into());
    }
    [queue, limit, syn, drops]
}

/// What the agent costs and what it missed.
fn own(reading: &Reading) -> [Family; 8] {
    let Reading { losses, cost, series, connections, .. } = reading;
    let mut events =
        Family::new("meshtax_agent_events_lost_total", Kind::Counter, "Events that nobody read in time; no metric is.");
    for (kind, lost) in losses.events.iter().filter(|(_, lost)| *lost > 0) {
        events.add(vec![("event", format!("{kind:?}").to_lowercase())], *lost as f64);
    }
    let one = |name, kind, help, value: f64| {
        let mut family = Family::new(name, kind, help);
        family.add(Vec::new(), value);
        family
    };
    [
        events,
        one(
            "meshtax_agent_series_overflow_total",
            Kind::Counter,
            "Times that something was counted as `other` for want of room.",
            losses.series as f64,
        ),
        one(
            "meshtax_agent_sockets_untracked_total",
            Kind::Counter,
            "Sockets that the kernel had no memory to follow.",
            losses.sockets as f64,
        ),
        one("meshtax_agent_series", Kind::Gauge, "Series in the kernel's map.", series.len() as f64),
        one("meshtax_agent_sockets", Kind::Gauge, "Sockets that are followed now.", connections.len() as f64),
        one("meshtax_agent_cpu_seconds_total", Kind::Counter, "CPU time of the agent's process.", cost.cpu_s),
        one(
            "meshtax_agent_resident_memory_bytes",
            Kind::Gauge,
            "Resident memory of the agent's process.",
            cost.memory_bytes as f64,
        ),
        one("meshtax_agent_reading_seconds", Kind::Gauge, "Time that this reading took.", cost.reading_s),
    ]
}

#[cfg(test)]
mod tests;
