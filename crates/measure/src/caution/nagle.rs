mod spacing;

use std::collections::BTreeMap;

use super::{CautionKind, Run, Witnessed};
use crate::{CallLatency, Caution, Histogram};
use spacing::delayed;

/// The shortest delay of a small write that waits only for the acknowledgement of an earlier one. The sender holds it
/// back (Nagle's algorithm, RFC 896) until the receiver's delayed acknowledgement (RFC 1122, section 4.2.3.2), which
/// Linux sends after 40 ms at the earliest (`TCP_DELACK_MIN`). Work and timers add the rest.
const LOW_NS: f64 = 39e6;
const HIGH_NS: f64 = 46e6;

/// The band must be this many times as dense as either neighbour of the same width on a logarithmic scale.
const RATIO_MIN: u64 = 3;
/// The band must hold this share of the samples.
const SHARE_MIN: f64 = 0.005;
/// The band must hold this many samples: ten there, with at most three in each neighbour, are not chance.
const COUNT_MIN: u64 = 10;

/// Samples that took about 40 ms, or about 40 ms longer than others.
struct Struck {
    /// The share of all samples.
    share: f64,
    /// Positions of these samples and of the faster ones, in milliseconds; `None` if only the delay itself shows.
    groups_ms: Option<[f64; 2]>,
}

/// Warns about latencies of about 40 ms, or in a mode about 40 ms above another, seen by the client or by a calling
/// service.
pub(super) fn nagle(run: &Run) -> Vec<Caution> {
    run.arms.iter().filter_map(|arm| nagle_in(run, arm)).collect()
}

/// Whether the client saw such latencies in the arm.
pub(super) fn is_struck(arm: &Witnessed) -> bool {
    struck(&arm.latency).is_some()
}

fn nagle_in(run: &Run, arm: &Witnessed) -> Option<Caution> {
    let calls = || run.observations.facts.calls.iter().filter(|call| call.arm == arm.name);
    let of_calls: Vec<(&CallLatency, Struck)> =
        calls().filter_map(|call| Some((call, struck(&call.latency)?))).collect();
    let of_client = struck(&arm.latency);
    if of_calls.is_empty() && of_client.is_none() {
        return None;
    }
    let edges: Vec<String> = innermost(arm, &of_calls).into_iter().map(edge).collect();
    let seen = match &of_client {
        Some(Struck { share, groups_ms: None }) => {
            let percent = share * 100.0;
            format!(
                "{percent:.1} % of the requests of arm `{}` took 39 to 46 ms, far more than slightly below or above",
                arm.name
            )
        }
        Some(Struck { share, groups_ms: Some([low_ms, high_ms]) }) => format!(
            "{:.1} % of the requests of arm `{}` took about 40 ms longer than the others ({high_ms:.0} ms against {low_ms:.0} ms)",
            share * 100.0,
            arm.name
        ),
        None => {
            format!("calls between services of arm `{}` took about 40 ms, or about 40 ms longer than others", arm.name)
        }
    };
    let place = if !edges.is_empty() {
        format!("it comes from {}", edges.join(", "))
    } else if calls().next().is_some() {
        "no edge between services shows it, so it may lie between the client and the first service".to_owned()
    } else {
        "no service reports its calls, so it may lie on any edge".to_owned()
    };
    Some(
        CautionKind::Nagle
            .caution(format!(
                "{seen}: small writes may wait for delayed acknowledgements (Nagle's algorithm), unless work happens to \
                 take this long; {place};  set TCP_NODELAY on the sender, or write headers and body at once"
            ))
            .about([arm.name]),
    )
}

fn struck(latency: &Histogram) -> Option<Struck> {
    share_in_band(latency).map(|share| Struck { share, groups_ms: None }).or_else(|| {
        let (share, groups_ms) = delayed(latency)?;
        Some(Struck { share, groups_ms: Some(groups_ms) })
    })
}

/// The share of the samples in the band, if it stands out.
fn share_in_band(latency: &Histogram) -> Option<f64> {
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

/// Calls whose callee makes no such call itself. A delay shows on every edge that leads to it.
fn innermost<'a, 'b>(arm: &Witnessed, struck: &'b [(&'a CallLatency, Struck)]) -> Vec<&'b (&'a CallLatency, Struck)> {
    let services: BTreeMap<&str, &str> =
        arm.told.iter().flat_map(|told| &told.services).map(|count| (&*count.pod, &*count.service)).collect();
    let calls_on = |service: &str| struck.iter().any(|(call, _)| services.get(&*call.from) == Some(&service));
    struck.iter().filter(|(call, _)| !calls_on(&call.to)).collect()
}

fn edge((call, struck): &(&CallLatency, Struck)) -> String {
    let groups = struck.groups_ms.map_or(String::new(), |[low, high]| format!(", {high:.0} ms against {low:.0} ms"));
    format!("`{}` → `{}{}` ({:.1} % of its calls{groups})", call.from, call.to, call.path, struck.share * 100.0)
}
