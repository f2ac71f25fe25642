//! Datagrams of UDP, as metrics.

use std::sync::Arc;

use probe::{UdpLosses, UdpSeries};

use crate::label::Labels;
use crate::metric::{Family, Kind};

/// Families about datagrams. What is sent was sent by the side that reports.
struct Udp {
    sent: Family,
    sent_bytes: Family,
    received: Family,
    received_bytes: Family,
    dropped: Family,
}

pub(super) fn families<'a>(sums: impl Iterator<Item = (&'a Labels, &'a UdpSeries)>, losses: &UdpLosses) -> [Family; 7] {
    let counter = |name, help| Family::new(name, Kind::Counter, help);
    let mut udp = Udp {
        sent: counter("meshtax_udp_sent_datagrams_total", "Datagrams that the reporting side sent."),
        sent_bytes: counter("meshtax_udp_sent_bytes_total", "Payload bytes of those."),
        received: counter(
            "meshtax_udp_received_datagrams_total",
            "Datagrams that came to a socket of the reporting side, with those that it then had to drop.",
        ),
        received_bytes: counter("meshtax_udp_received_bytes_total", "Payload bytes of those."),
        dropped: counter("meshtax_udp_dropped_datagrams_total", "Datagrams that came to a socket and were dropped."),
    };
    for (labels, series) in sums {
        udp.add(labels, series);
    }
    let mut overflow = counter(
        "meshtax_agent_udp_series_overflow_total",
        "Times that something was counted as `other` for want of room.",
    );
    overflow.add(Vec::new(), losses.series as f64);
    let mut unowned =
        counter("meshtax_agent_udp_unowned_total", "Times that the kernel had no memory to note a socket's owner.");
    unowned.add(Vec::new(), losses.owners as f64);
    [udp.sent, udp.sent_bytes, udp.received, udp.received_bytes, udp.dropped, overflow, unowned]
}

impl Udp {
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
