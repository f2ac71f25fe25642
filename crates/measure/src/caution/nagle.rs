use std::collections::BTreeMap;

use super::{CautionKind, Run, Witnessed};
use crate::{CallLatency, Caution, Histogram};

/// Where a small write shows that waits for the acknowledgement of another one: the sender holds it back (Nagle's
/// algorithm, RFC 896) until the receiver's delayed acknowledgement (RFC 1122, section 4.2.3.2), which Linux sends after
/// 40 ms at the earliest (`TCP_DELACK_MIN`); work and timers add the rest.
const LOW_NS: f64 = 39e6;
const HIGH_NS: f64 = 46e6;

/// The band must be so many times as dense as either neighbour of the same width on a logarithmic scale, …
const RATIO_MIN: u64 = 3;
/// … hold this share of the samples …
const SHARE_MIN: f64 = 0.005;
/// … and be more than a few outliers: ten in the band and at most three in each neighbour are no chance.
const COUNT_MIN: u64 = 10;

/// Latencies of about 40 ms that stand out, as the client saw them or as a service saw its calls.
pub(super) fn nagle(run: &Run) -> Vec<Caution> {
    run.arms.iter().filter_map(|arm| nagle_in(run, arm)).collect()
}

fn nagle_in(run: &Run, arm: &Witnessed) -> Option<Caution> {
    let calls = run.observations.facts.calls.iter().filter(|call| call.arm == arm.name);
    let struck: Vec<(&CallLatency, f64)> = calls.filter_map(|call| Some((call, share(&call.latency)?))).collect();
    let of_client = share(&arm.latency);
    if struck.is_empty() && of_client.is_none() {
        return None;
    }
    let edges: Vec<String> = innermost(arm, &struck).into_iter().map(|(call, share)| edge(call, share)).collect();
    let seen = match of_client {
        Some(share) => format!("{:.1} % of the requests of arm `{}` took", share * 100.0, arm.name),
        None => format!("calls between services of arm `{}` took", arm.name),
    };
    let place = if edges.is_empty() {
        "no edge between services shows it, so it may lie between the client and the first service".to_owned()
    } else {
        format!("it comes from {}", edges.join(", "))
    };
    Some(CautionKind::Nagle.caution(format!(
        "{seen} 39 to 46 ms, far more than a little less or more: small writes may wait for delayed acknowledgements \
         (Nagle's algorithm), unless work takes just so long; {place}; set TCP_NODELAY on the sender, or write headers and \
         body at once"
    ))
    .about([arm.name]))
}

/// The share of the samples in the band, if it stands out.
fn share(latency: &Histogram) -> Option<f64> {
    let width = HIGH_NS / LOW_NS;
    let (below, above) = (LOW_NS / width, HIGH_NS * width);
    let between = |low: f64, high: f64| {
        let inside = |value: f64| low <= value && value < high;
        latency.recorded().filter(|(value, _)| inside(*value as f64)).map(|(_, count)| count).sum::<u64>()
    };
    let (band, neighbour) = (between(LOW_NS, HIGH_NS), between(below, LOW_NS).max(between(HIGH_NS, above)));
    let share = band as f64 / latency.count().max(1) as f64;
    (band >= COUNT_MIN && band > RATIO_MIN * neighbour && share >= SHARE_MIN).then_some(share)
}

/// Calls whose callee does not make such a call itself: a delay shows on every edge on the way to it.
fn innermost<'a>(arm: &Witnessed, struck: &[(&'a CallLatency, f64)]) -> Vec<(&'a CallLatency, f64)> {
    let services: BTreeMap<&str, &str> =
        arm.told.iter().flat_map(|told| &told.services).map(|count| (&*count.pod, &*count.service)).collect();
    let calls_on = |service: &str| struck.iter().any(|(call, _)| services.get(&*call.from) == Some(&service));
    struck.iter().copied().filter(|(call, _)| !calls_on(&call.to)).collect()
}

fn edge(call: &CallLatency, share: f64) -> String {
    format!("`{}` → `{}{}` ({:.1} % of its calls)", call.from, call.to, call.path, share * 100.0)
}
