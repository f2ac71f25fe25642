//! DNS as the sockets that ask see it.

use probe::dns::{Key, LATENCY_BOUNDS, Losses, Rcode, Series, type_name};

use crate::metric::{Family, Kind, Labels};
use crate::who::Namer;

use super::name_of;

/// In place of what was counted together for want of room.
const OTHER: &str = "other";

/// What one scrape reads of DNS.
#[derive(Debug)]
pub struct DnsReading {
    /// Counters.
    pub series: Vec<(Key, Series)>,
    /// What was missed.
    pub losses: Losses,
}

/// The metrics of DNS.
pub fn families(reading: &DnsReading, namer: &mut Namer) -> Vec<Family> {
    let counter = |name, help| Family::new(name, Kind::Counter, help);
    let mut queries = counter(
        "meshtax_dns_queries_total",
        "DNS queries that ended, by the code of the answer; TIMEOUT if none came.",
    );
    let mut timeouts = counter("meshtax_dns_timeouts_total", "DNS queries without an answer in time.");
    let mut truncated = counter("meshtax_dns_truncated_total", "DNS answers that say that they are truncated.");
    let mut latency =
        Family::new("meshtax_dns_latency_seconds", Kind::Histogram, "Time from a DNS query to its answer.");
    let bounds = LATENCY_BOUNDS.map(|bound| bound.as_secs_f64());
    for (key, series) in reading.series.iter().filter(|(_, series)| series.queries > 0) {
        let labels = labels(key, namer);
        let mut with_code = labels.clone();
        with_code.push(("rcode", if key.is_other() { OTHER.to_owned() } else { key.rcode.to_string() }));
        queries.add(with_code, series.queries as f64);
        if series.truncated > 0 {
            truncated.add(labels.clone(), series.truncated as f64);
        }
        if key.rcode == Rcode::TIMEOUT {
            timeouts.add(labels, series.queries as f64);
        } else {
            latency.add_counts(labels, &bounds, &series.latencies, series.latency.as_secs_f64());
        }
    }
    vec![queries, timeouts, truncated, latency, missed(&reading.losses)]
}

fn labels(key: &Key, namer: &mut Namer) -> Labels {
    let (source, kind, transport) = if key.is_other() {
        (OTHER.to_owned(), OTHER.to_owned(), OTHER)
    } else {
        (name_of(key.netns, key.cgroup, &key.comm, namer), type_name(key.kind), key.transport.name())
    };
    vec![("source_workload", source), ("type", kind), ("transport", transport.to_owned())]
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
        missed.add(vec![("reason", reason.to_owned())], count as f64);
    }
    missed
}

#[cfg(test)]
mod tests;
