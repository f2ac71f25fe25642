//! Metrics of TCP connections.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use records::{Connection, Counter, Counters, RTT_BOUNDS_US, TcpKey, TcpLosses, TcpSeries};

use crate::account::Accounted;
use crate::label::Labels;
use crate::link::{Link, SOURCE};
use crate::metric::{Family, MetricKind};
use crate::namer::Namer;
use crate::place::Places;
use crate::totals::Owner;

impl Accounted for TcpKey {
    type Series = TcpSeries;
    type Losses = TcpLosses;
    type Group = Link;

    const WITNESS: &'static str = "tcp";

    fn owner(&self) -> Option<Owner> {
        Some((self.netns, self.cgroup))
    }

    fn group(&self, places: &Places, namer: &mut Namer) -> Link {
        Link::of(self, places, namer)
    }

    /// Keys of open connections stay.
    fn staying(open: &[Connection]) -> impl Fn(&Self) -> bool {
        let open: HashSet<(u32, u64, IpAddr)> =
            open.iter().map(|open| (open.netns, open.cgroup, open.remote.ip())).collect();
        move |key| open.contains(&(key.netns, key.cgroup, key.remote))
    }

    /// The losses are exported with the metrics about the agent itself.
    fn families<'a>(sums: impl Iterator<Item = (&'a Link, &'a TcpSeries)>, _: &TcpLosses) -> Vec<Family> {
        let mut tcp = TcpFamilies::new();
        for (link, series) in sums {
            tcp.add(link, series);
        }
        tcp.into_families()
    }
}

/// Counters that are not exported as `meshtax_tcp_NAME_total`: they have Istio's names, labels of their own, or a
/// histogram.
const APART: [&str; 9] =
    ["opened", "closed", "sent", "received", "resets_sent", "resets_received", "handshake_ns", "rtt_sum_us", "rtt"];

/// Metric names of counters that need more than `meshtax_tcp_NAME_total`.
const NAMED: [(&str, &str); 7] = [
    ("failed", "meshtax_tcp_connect_failures_total"),
    ("reset", "meshtax_tcp_connections_aborted_total"),
    ("retransmitted", "meshtax_tcp_retransmitted_bytes_total"),
    ("retransmits", "meshtax_tcp_retransmitted_segments_total"),
    ("out_of_order", "meshtax_tcp_out_of_order_segments_total"),
    ("bypassed", "meshtax_tcp_unknown_bytes_connections_total"),
    ("untimed", "meshtax_tcp_handshakes_untimed_total"),
];

/// The families of TCP metrics.
struct TcpFamilies {
    istio: [Family; 4],
    own: [Family; 4],
    /// Families with the counter's own name, by that name.
    plain: Vec<(&'static str, Family)>,
    resets: Family,
    handshake: Family,
    rtt: Family,
}

impl TcpFamilies {
    fn new() -> Self {
        let counter = |name, help| Family::new(name, MetricKind::Counter, help);
        let plain = TcpSeries::COUNTERS.iter().filter(|counter| !APART.contains(&counter.name));
        Self {
            istio: [
                counter("istio_tcp_sent_bytes_total", "Bytes sent by servers in TCP connections."),
                counter("istio_tcp_received_bytes_total", "Bytes received by servers in TCP connections."),
                counter("istio_tcp_connections_opened_total", "TCP connections opened."),
                counter("istio_tcp_connections_closed_total", "TCP connections closed."),
            ],
            own: [
                counter(
                    "meshtax_tcp_sent_bytes_total",
                    "Bytes sent by servers in TCP connections that a sidecar reports as well.",
                ),
                counter(
                    "meshtax_tcp_received_bytes_total",
                    "Bytes received by servers in TCP connections that a sidecar reports as well.",
                ),
                counter(
                    "meshtax_tcp_connections_opened_total",
                    "TCP connections opened that a sidecar reports as well.",
                ),
                counter(
                    "meshtax_tcp_connections_closed_total",
                    "TCP connections closed that a sidecar reports as well.",
                ),
            ],
            plain: plain.map(plain_family).collect(),
            resets: counter(
                "meshtax_tcp_resets_total",
                "TCP resets that the reporting side sent (transmit) or received (receive).",
            ),
            handshake: counter(
                "meshtax_tcp_handshake_seconds_total",
                "Total duration of TCP handshakes, without those that could not be timed.",
            ),
            rtt: Family::new(
                "meshtax_tcp_rtt_seconds",
                MetricKind::Histogram,
                "Smoothed round-trip times of TCP connections that moved data, sampled at scrapes and at their ends.",
            ),
        }
    }

    fn add(&mut self, link: &Link, series: &TcpSeries) {
        // Istio counts what the server sent as sent, whichever side reports.
        let is_client = link.reporter == SOURCE;
        let (sent, received) = if is_client { (series.received, series.sent) } else { (series.sent, series.received) };
        let labels = Arc::new(link.labels());
        let same = if link.is_meshed { &mut self.own } else { &mut self.istio };
        for (family, more) in same.iter_mut().zip([sent, received, series.opened, series.closed]) {
            family.add(Arc::clone(&labels), more as f64);
        }
        let labels = Arc::new(link.brief());
        // Zeros are exported as well: a counter that starts with its first event hides that event from rates.
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
    (counter.name, Family::new(name, MetricKind::Counter, counter.about.trim_start()))
}
