//! DNS as the sockets that ask see it.

use std::sync::Arc;

use probe::dns::{LATENCY_BOUNDS, Losses, Rcode, Series};

use crate::grouping::RCODE;
use crate::label::Labels;
use crate::metric::{Family, Kind};

/// The metrics of DNS.
pub(super) fn families<'a>(sums: impl Iterator<Item = (&'a Labels, &'a Series)>, losses: &Losses) -> [Family; 5] {
    let counter = |name, help| Family::new(name, Kind::Counter, help);
    let mut queries = counter(
        "meshtax_dns_queries_total",
        "DNS queries that ended, by the code of the answer; TIMEOUT if none came, ELSEWHERE if another server that was \
         asked at the same time has answered.",
    );
    let mut timeouts = counter("meshtax_dns_timeouts_total", "DNS queries without an answer in time.");
    let mut truncated = counter("meshtax_dns_truncated_total", "DNS answers that say that they are truncated.");
    let mut latency =
        Family::new("meshtax_dns_latency_seconds", Kind::Histogram, "Time from a DNS query to its answer.");
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

fn missed(losses: &Losses) -> Family {
    let mut missed =
        Family::new("meshtax_agent_dns_missed_total", Kind::Counter, "What the witness of DNS could not follow.");
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
