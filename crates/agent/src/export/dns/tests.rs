use std::time::Instant;

use probe::dns::{Key, Transport};

use crate::grouping;
use crate::metric::{Exposition, exposition};
use crate::namer::Namer;
use crate::totals::Totals;

use super::*;

fn key(rcode: Rcode) -> Key {
    Key { cgroup: 0, netns: 7, comm: "curl".to_owned(), kind: 28, rcode, transport: Transport::Udp }
}

fn text(series: Vec<(Key, Series)>) -> String {
    let losses = Losses { unparsed: 3, ..Losses::default() };
    let root = tempfile::tempdir().unwrap();
    let mut namer = Namer::new(root.path());
    let mut totals = Totals::new(10);
    totals.count_all(&series, |key| grouping::of_queries(key, &mut namer), Instant::now());
    let families = families(totals.sums(), &losses);
    exposition(&families, Exposition::Classic)
}

#[test]
fn queries_are_counted_by_how_they_ended_and_only_answers_have_a_latency() {
    let mut latency = Series::default().latency;
    latency[1] = 2;
    let answered = Series { queries: 2, latency_ns: 200_000, latency, ..Series::default() };
    let lost = Series { queries: 5, ..Series::default() };
    let text = text(vec![(key(Rcode::NOERROR), answered), (key(Rcode::TIMEOUT), lost)]);
    let labels = "source_workload=\"curl\",type=\"AAAA\",network_transport=\"udp\"";
    for line in [
        format!("meshtax_dns_queries_total{{{labels},rcode=\"NOERROR\"}} 2"),
        format!("meshtax_dns_queries_total{{{labels},rcode=\"TIMEOUT\"}} 5"),
        format!("meshtax_dns_timeouts_total{{{labels}}} 5"),
        format!("meshtax_dns_latency_seconds_bucket{{{labels},le=\"0.000064\"}} 0"),
        format!("meshtax_dns_latency_seconds_bucket{{{labels},le=\"0.000128\"}} 2"),
        format!("meshtax_dns_latency_seconds_sum{{{labels}}} 0.0002"),
        format!("meshtax_dns_latency_seconds_count{{{labels}}} 2"),
        "meshtax_agent_dns_missed_total{reason=\"unparsed_message\"} 3".to_owned(),
    ] {
        assert!(text.lines().any(|known| known == line), "no {line} in {text}");
    }
}

#[test]
fn what_found_no_room_is_called_so() {
    let other = Key { netns: 0, ..key(Rcode::NOERROR) };
    let text = text(vec![(other, Series { queries: 1, ..Series::default() })]);
    let labels = "source_workload=\"other\",type=\"other\",network_transport=\"other\",rcode=\"other\"";
    assert!(text.contains(&format!("meshtax_dns_queries_total{{{labels}}} 1")), "{text}");
}
