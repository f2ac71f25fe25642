use std::time::Duration;

use records::Transport;

use crate::account::tests::Scripted;
use crate::account::{Account, AnyAccount, Scene};
use crate::metric::{Exposition, exposition};
use crate::registry::tests::Imagined;

use super::*;

fn key(rcode: Rcode) -> DnsKey {
    DnsKey { cgroup: 0, netns: 7, comm: "curl".to_owned(), kind: 28, rcode, transport: Transport::Udp }
}

fn text(series: Vec<(DnsKey, DnsSeries)>) -> String {
    let losses = DnsLosses { unparsed: 3, ..DnsLosses::default() };
    let mut account = Account::new(Scripted::with(series, losses), 10);
    account.read().unwrap();
    let mut namer = Namer::new(Imagined::default());
    account.count(&mut Scene { places: &Places::default(), namer: &mut namer, now: Duration::ZERO });
    exposition(&account.families(), Exposition::Classic)
}

#[test]
fn queries_are_counted_by_how_they_ended_and_only_answers_have_a_latency() {
    let mut latency = DnsSeries::default().latency;
    latency[1] = 2;
    let answered = DnsSeries { queries: 2, latency_ns: 200_000, latency, ..DnsSeries::default() };
    let lost = DnsSeries { queries: 5, ..DnsSeries::default() };
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
    let other = DnsKey { netns: 0, ..key(Rcode::NOERROR) };
    let text = text(vec![(other, DnsSeries { queries: 1, ..DnsSeries::default() })]);
    let labels = "source_workload=\"other\",type=\"other\",network_transport=\"other\",rcode=\"other\"";
    assert!(text.contains(&format!("meshtax_dns_queries_total{{{labels}}} 1")), "{text}");
}
