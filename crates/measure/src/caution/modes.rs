mod dip;

use std::collections::{BTreeMap, BTreeSet};

use super::{CautionKind, Run, Sighting, Witnessed, nagle};
use crate::{Caution, Histogram};
use dip::dip;

/// Critical value of √n times the dip of n values. The 99.95 % point for a uniform distribution is 0.750 by simulation
/// (20,000 samples of 4,096 values). The uniform is the worst case among distributions with one mode (Hartigan and
/// Hartigan), so the guard keeps its level with up to twenty arms.
const CRITICAL: f64 = 0.76;

/// A smaller dip is of no concern even if it is significant: about a sixteenth of the requests form another group. The
/// limit also allows for samples that are not independent.
const DIP_MIN: f64 = 0.03;

/// Groups that another arm lacks must make the middle 90 % of latencies this many times as wide as there.
const WIDER: f64 = 1.5;

/// Number of values that represent all latencies. More values would not change the dip by more than 1 / 8,192.
const VALUES_MAX: u64 = 4096;

/// The shape of a distribution of latencies.
struct Shape {
    /// The dip, if the latencies certainly have several modes.
    dip: Option<f64>,
    /// Distance from the 5 % to the 95 % quantile, in nanoseconds.
    width_ns: f64,
}

impl Shape {
    fn of(latency: &Histogram, mut logs: Vec<f64>) -> Option<Self> {
        logs.sort_by(f64::total_cmp);
        let dip = dip(&logs);
        let is_certain = dip >= DIP_MIN && dip * (logs.len() as f64).sqrt() >= CRITICAL;
        let width_ns = latency.block_quantile_ns(0.95)? - latency.block_quantile_ns(0.05)?;
        Some(Self { dip: is_certain.then_some(dip), width_ns })
    }

    /// The shape of all requests, each relative to its block's mean, so that differences between blocks do not form
    /// groups.
    fn of_requests(arm: &Witnessed) -> Option<Self> {
        let sequences = arm.blocks.iter().map(|block| &block.samples.sequence).filter(|sequence| !sequence.is_empty());
        let beside_mean = |sequence: &Vec<u64>| {
            let logs: Vec<f64> = sequence.iter().map(|latency_ns| (*latency_ns as f64).max(1.0).ln()).collect();
            let mean = logs.iter().sum::<f64>() / logs.len() as f64;
            logs.into_iter().map(|log| log - mean).collect::<Vec<_>>()
        };
        let logs: Vec<f64> = sequences.flat_map(beside_mean).collect();
        let logs = if logs.is_empty() { logs_of(&arm.latency) } else { thinned(logs) };
        Self::of(&arm.latency, logs)
    }

    /// The dip, if the other arm lacks these groups and does not merely hide them in a wider spread.
    fn own_dip(&self, other: &Self) -> Option<f64> {
        self.dip.filter(|_| other.dip.is_none() && self.width_ns > other.width_ns * WIDER)
    }
}

/// Warns about latencies that form groups in some arms and not in others, by Hartigan and Hartigan's dip test of
/// unimodality.
///
/// Versions of a service differ by design, even more behind sidecars. Requests and calls that may reach one of several
/// pods are therefore left out, and so are calls that lead to them. Groups that both baseline and arm have do not
/// matter.
pub(super) fn modes(run: &Run) -> Vec<Caution> {
    [of_requests(run), of_calls(run)].into_iter().flatten().collect()
}

fn of_requests(run: &Run) -> Option<Caution> {
    let shape = |arm: &Witnessed| Shape::of_requests(arm).filter(|_| !has_versions(arm) && !nagle::is_struck(arm));
    let dips = own_dips(&run.arms.iter().map(shape).collect::<Vec<_>>());
    let by_arm: BTreeMap<&str, Option<f64>> = run.arms.iter().map(|arm| arm.name).zip(dips).collect();
    let look = |arm: &Witnessed| by_arm.get(arm.name).copied().flatten();
    let seen = run.sighting(look, |dip| *dip, |dip| format!("{dip:.3}"))?;
    Some(caution(&seen, "latencies"))
}

fn of_calls(run: &Run) -> Option<Caution> {
    let calls = &run.observations.facts.calls;
    let edges: BTreeSet<[&str; 3]> = calls.iter().map(|call| [&*call.from, &*call.to, &*call.path]).collect();
    let mut found: BTreeMap<&str, Vec<(String, f64)>> = BTreeMap::new();
    for edge @ [from, to, path] in edges {
        let is_edge = |call: &&crate::CallLatency| [&*call.from, &*call.to, &*call.path] == edge;
        let shape = |arm: &Witnessed| {
            let call = calls.iter().filter(is_edge).find(|call| call.arm == arm.name)?;
            Shape::of(&call.latency, logs_of(&call.latency)).filter(|_| leads_to_one_pod(run, arm, to, 0))
        };
        let dips = own_dips(&run.arms.iter().map(shape).collect::<Vec<_>>());
        for (arm, dip) in run.arms.iter().zip(dips) {
            let told = dip.map(|dip| (format!("`{from}` → `{to}{path}` {dip:.3}"), dip));
            found.entry(arm.name).or_default().extend(told);
        }
    }
    let look =
        |arm: &Witnessed| found.get(arm.name).filter(|edges| !edges.is_empty() && !nagle::is_struck(arm)).cloned();
    let worst = |edges: &Vec<(String, f64)>| edges.iter().map(|(_, dip)| *dip).fold(0.0, f64::max);
    let tell =
        |edges: &Vec<(String, f64)>| edges.iter().map(|(told, _)| told.as_str()).collect::<Vec<_>>().join(" and ");
    let seen = run.sighting(look, worst, tell)?;
    Some(caution(&seen, "latencies of calls between services"))
}

/// For each arm, the dip of groups that the baseline lacks; for the baseline, the dip of groups that another arm lacks.
fn own_dips(shapes: &[Option<Shape>]) -> Vec<Option<f64>> {
    let Some((base, others)) = shapes.split_first() else { return Vec::new() };
    let beside = |shape: &Option<Shape>, other: &Option<Shape>| shape.as_ref()?.own_dip(other.as_ref()?);
    let of_base = others.iter().find_map(|other| beside(base, other));
    std::iter::once(of_base).chain(others.iter().map(|arm| beside(arm, base))).collect()
}

fn caution(seen: &Sighting, what: &str) -> Caution {
    CautionKind::Bimodal
        .caution(format!(
            "{what} fall into two groups or more (dip {}), and those of the other arm do not: caches, retries, timers or \
             different instances may cause this, and a mean or median between groups describes neither; look at the latency \
             curve, and at the edges for the calls that make the difference",
            seen.arms
        ))
        .about(&seen.names)
}

/// Whether some service of the arm has several pods. If services do not count, the pods' names decide.
fn has_versions(arm: &Witnessed) -> bool {
    let services = arm.told.iter().flat_map(|told| &told.services).map(|count| (&*count.service, &*count.pod));
    let mut pods: BTreeSet<(&str, &str)> = services.collect();
    if pods.is_empty() {
        let containers = arm.loaded.iter().flat_map(|reading| &reading.containers);
        pods = containers
            .map(|used| (used.pod.rsplit_once('-').map_or(&*used.pod, |(stem, _)| stem), &*used.pod))
            .collect();
    }
    let services: BTreeSet<&str> = pods.iter().map(|(service, _)| *service).collect();
    services.len() < pods.len()
}

/// Calls nested deeper than this are taken for a circle.
const DEPTH_MAX: usize = 64;

/// Whether every call of a service, and every call that follows from it, goes to a single pod.
fn leads_to_one_pod(run: &Run, arm: &Witnessed, service: &str, depth: usize) -> bool {
    let counts = arm.told.iter().flat_map(|told| &told.services);
    let pods: Vec<&str> = counts.filter(|count| count.service == service).map(|count| &*count.pod).collect();
    let [pod] = *pods else { return false };
    let calls = run.observations.facts.calls.iter().filter(|call| call.arm == arm.name && call.from == pod);
    depth < DEPTH_MAX && calls.map(|call| &*call.to).all(|to| leads_to_one_pod(run, arm, to, depth + 1))
}

/// Evenly spaced quantiles of the values, which may be unordered.
fn thinned(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    let wanted = values.len().min(VALUES_MAX as usize);
    (0..wanted).map(|n| values[(2 * n + 1) * values.len() / (2 * wanted)]).collect()
}

/// Logarithms of evenly spaced quantiles of a histogram, in ascending order. Values in one bucket are spread over its
/// width, because a pile on a single value would look like a mode.
fn logs_of(latency: &Histogram) -> Vec<f64> {
    values(latency).into_iter().map(|value| value.max(1.0).ln()).collect()
}

/// Evenly spaced quantiles of a histogram, in ascending order.
fn values(latency: &Histogram) -> Vec<f64> {
    let wanted = latency.count().min(VALUES_MAX);
    let rank = |n: u64| (n as f64 + 0.5) / wanted as f64 * latency.count() as f64;
    let mut values = Vec::with_capacity(wanted as usize);
    let mut before = 0;
    for (value, count) in latency.recorded() {
        let until = before + count;
        while (values.len() as u64) < wanted && rank(values.len() as u64) <= until as f64 {
            let place = (rank(values.len() as u64) - before as f64) / count as f64;
            values.push(value as f64 + place * Histogram::resolution_ns(value) as f64);
        }
        before = until;
    }
    values
}

#[cfg(test)]
mod tests;
