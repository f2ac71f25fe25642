//! Metrics of DNS queries, as the sockets that ask see them.

use std::sync::Arc;

use records::{CounterKey, DnsKey, DnsLosses, DnsSeries, LATENCY_BOUNDS, Rcode, type_name};

use crate::account::Accounted;
use crate::label::{Labels, OTHER};
use crate::metric::{Family, MetricKind};
use crate::namer::Namer;
use crate::place::{Places, name_of};
use crate::totals::Owner;

/// Label that says how a query ended.
const RCODE: &str = "rcode";

impl Accounted for DnsKey {
    type Series = DnsSeries;
    type Losses = DnsLosses;
    type Group = Labels;

    const WITNESS: &'static str = "dns";

    fn owner(&self) -> Option<Owner> {
        Some((self.netns, self.cgroup))
    }

    fn group(&self, _: &Places, namer: &mut Namer) -> Labels {
        let labels = |source: Arc<str>, kind: Arc<str>, transport: &str, rcode: Arc<str>| {
            vec![("source_workload", source), ("type", kind), ("network_transport", transport.into()), (RCODE, rcode)]
        };
        if self.is_other() {
            return labels(OTHER.into(), OTHER.into(), OTHER, OTHER.into());
        }
        let source = name_of(self.netns, self.cgroup, &self.comm, namer);
        labels(source, type_name(self.kind).into(), self.transport.name(), self.rcode.to_string().into())
    }

    fn families<'a>(sums: impl Iterator<Item = (&'a Labels, &'a DnsSeries)>, losses: &DnsLosses) -> Vec<Family> {
        families(sums, losses).into()
    }
}

/// Returns the metrics of DNS.
fn families<'a>(sums: impl Iterator<Item = (&'a Labels, &'a DnsSeries)>, losses: &DnsLosses) -> [Family; 5] {
    let counter = |name, help| Family::new(name, MetricKind::Counter, help);
    let mut queries = counter(
        "meshtax_dns_queries_total",
        "DNS queries that ended, by response code. TIMEOUT: no answer came. ELSEWHERE: another server that was \
         asked at the same time answered.",
    );
    let mut timeouts = counter("meshtax_dns_timeouts_total", "DNS queries without an answer in time (TIMEOUT).");
    let mut truncated = counter("meshtax_dns_truncated_total", "DNS answers marked as truncated.");
    let mut latency =
        Family::new("meshtax_dns_latency_seconds", MetricKind::Histogram, "Time from a DNS query to its answer.");
    let bounds = LATENCY_BOUNDS.map(|bound| bound.as_secs_f64());
    let timeout: (_, Arc<str>) = (RCODE, Rcode::TIMEOUT.to_string().into());
    for (with_code, series) in sums {
        let labels: Labels = with_code.iter().filter(|(name, _)| *name != RCODE).cloned().collect();
        queries.add(with_code.clone(), series.queries as f64);
        if series.truncated > 0 {
            truncated.add(labels.clone(), series.truncated as f64);
        }
        if with_code.contains(&timeout) {
            timeouts.add(labels, series.queries as f64);
        } else {
            latency.add_counts(labels, &bounds, &series.latency, series.latency().as_secs_f64());
        }
    }
    [queries, timeouts, truncated, latency, missed(losses)]
}

fn missed(losses: &DnsLosses) -> Family {
    let mut missed = Family::new(
        "meshtax_agent_dns_missed_total",
        MetricKind::Counter,
        "DNS messages and sockets that the DNS witness could not follow, by reason.",
    );
    let reasons = [
        ("no_room_for_series", losses.series),
        ("no_room_for_query", losses.queries),
        ("no_memory_for_connection", losses.sockets),
        ("unparsed_message", losses.unparsed),
        ("ipv6_extension_header", losses.extended),
        ("unmatched_answer", losses.unmatched),
    ];
    for (reason, count) in reasons {
        missed.add(vec![("reason", reason.into())], count as f64);
    }
    missed
}

#[cfg(test)]
mod tests;
