//! Metrics of UDP datagrams.

use std::sync::Arc;

use records::{Connection, CounterKey, Transport, UdpKey, UdpLosses, UdpRole, UdpSeries};

use crate::account::Accounted;
use crate::label::{Labels, OTHER};
use crate::link::{DESTINATION, SOURCE};
use crate::metric::{Family, MetricKind};
use crate::namer::Namer;
use crate::peer::{Peer, UNKNOWN};
use crate::place::{Place, Places};
use crate::totals::Owner;

impl Accounted for UdpKey {
    type Series = UdpSeries;
    type Losses = UdpLosses;
    type Group = Labels;

    const WITNESS: &'static str = "udp";

    fn owner(&self) -> Option<Owner> {
        Some((self.netns, self.cgroup))
    }

    /// Returns those labels of TCP metrics that datagrams have.
    fn group(&self, places: &Places, namer: &mut Namer) -> Labels {
        let reporter = if self.role == UdpRole::Client { SOURCE } else { DESTINATION };
        if self.is_other() {
            return labels(reporter, [OTHER; 4].map(Arc::from));
        }
        let here = namer.peer(self.netns, self.cgroup, &self.comm);
        let network = namer.who(self.netns, self.cgroup).network;
        let place = Place { network: &network, netns: self.netns, transport: Transport::Udp };
        let known = |peer: Option<Arc<Peer>>| peer.map_or_else(|| UNKNOWN.into(), |peer| Arc::clone(&peer.workload));
        let name = Arc::clone(&here.workload);
        let (source, destination, service) = match self.role {
            UdpRole::Client => {
                let (server, service) = places.called(place, self.remote);
                (name, known(server), service)
            }
            UdpRole::Server | UdpRole::Unknown => {
                let (client, service) = places.asked(place, self.remote.ip(), (&here, self.local_port), namer);
                (known(client), name, service)
            }
        };
        labels(reporter, [source, destination, service.host, Transport::Udp.name().into()])
    }

    /// No key stays: some servers ask others from a new port each time.
    fn staying(_: &[Connection]) -> impl Fn(&Self) -> bool {
        |_| false
    }

    fn families<'a>(sums: impl Iterator<Item = (&'a Labels, &'a UdpSeries)>, losses: &UdpLosses) -> Vec<Family> {
        families(sums, losses).into()
    }
}

fn labels(reporter: &str, [source, destination, service, transport]: [Arc<str>; 4]) -> Labels {
    vec![
        ("reporter", reporter.into()),
        ("source_workload", source),
        ("destination_workload", destination),
        ("destination_service", service),
        ("network_transport", transport),
    ]
}

/// The families of UDP metrics. Datagrams count as sent if the reporting side sent them.
struct UdpFamilies {
    sent: Family,
    sent_bytes: Family,
    received: Family,
    received_bytes: Family,
    dropped: Family,
}

fn families<'a>(sums: impl Iterator<Item = (&'a Labels, &'a UdpSeries)>, losses: &UdpLosses) -> [Family; 7] {
    let counter = |name, help| Family::new(name, MetricKind::Counter, help);
    let mut udp = UdpFamilies {
        sent: counter("meshtax_udp_sent_datagrams_total", "UDP datagrams sent by the reporting side."),
        sent_bytes: counter(
            "meshtax_udp_sent_bytes_total",
            "Payload bytes in UDP datagrams sent by the reporting side.",
        ),
        received: counter(
            "meshtax_udp_received_datagrams_total",
            "UDP datagrams that reached a socket of the reporting side, including those dropped there.",
        ),
        received_bytes: counter(
            "meshtax_udp_received_bytes_total",
            "Payload bytes in UDP datagrams that reached a socket.",
        ),
        dropped: counter(
            "meshtax_udp_dropped_datagrams_total",
            "UDP datagrams that reached a socket and were dropped.",
        ),
    };
    for (labels, series) in sums {
        udp.add(labels, series);
    }
    let mut overflow = counter(
        "meshtax_agent_udp_series_overflow_total",
        "Times that a datagram was added to the series `other`, because the kernel's map was full.",
    );
    overflow.add(Vec::new(), losses.series as f64);
    let mut unowned = counter(
        "meshtax_agent_udp_unowned_total",
        "Times that a socket's owner could not be stored for lack of kernel memory.",
    );
    unowned.add(Vec::new(), losses.owners as f64);
    [udp.sent, udp.sent_bytes, udp.received, udp.received_bytes, udp.dropped, overflow, unowned]
}

impl UdpFamilies {
    fn add(&mut self, labels: &Labels, series: &UdpSeries) {
        let labels = &Arc::new(labels.clone());
        self.sent.add(Arc::clone(labels), series.sent as f64);
        self.sent_bytes.add(Arc::clone(labels), series.sent_bytes as f64);
        self.received.add(Arc::clone(labels), series.received as f64);
        self.received_bytes.add(Arc::clone(labels), series.received_bytes as f64);
        let reasons = [("queue_full", series.overflowed), ("no_memory", series.starved), ("other", series.failed)];
        for (reason, count) in reasons.into_iter().filter(|(_, count)| *count > 0) {
            let mut labels = Labels::clone(labels);
            labels.push(("reason", reason.into()));
            self.dropped.add(labels, count as f64);
        }
    }
}
