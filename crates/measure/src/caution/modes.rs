mod dip;

use super::{CautionKind, Run, Sighting, Witnessed};
use crate::{Caution, Histogram};
use dip::dip;

/// Above the 99.95 % point of √n times the dip of n values from a uniform distribution, which is 0.750 by simulation
/// (20,000 samples of 4,096 values). The uniform is the worst case among distributions with one mode (Hartigan and
/// Hartigan), so that the guard keeps its level with up to twenty arms.
const CRITICAL: f64 = 0.76;

/// A dip below this is no matter of concern even where it is certain: less than a fiftieth of the requests are another
/// group. It also leaves room for what is no independent sample, such as rounds that drift.
const DIP_MIN: f64 = 0.01;

/// Values that stand for all latencies; more would not change the dip by more than 1 / 8,192.
const VALUES_MAX: u64 = 4096;

/// Latencies that fall into two groups or more, by Hartigan and Hartigan's dip test of unimodality.
pub(super) fn modes(run: &Run) -> Vec<Caution> {
    let look = |arm: &Witnessed| {
        let dip = dip(&values(&arm.latency));
        (dip >= DIP_MIN && dip * (arm.latency.count() as f64).sqrt() >= CRITICAL).then_some(dip)
    };
    let caution = |seen: Sighting| {
        CautionKind::Bimodal.caution(format!(
            "latencies fall into two groups or more (dip {}): versions of a service that differ, caches or retries may make \
             them, and a mean or median between groups describes neither; look at the latency curve, and at the edges for the \
             calls that make the difference",
            seen.arms
        ))
        .about(seen.names)
    };
    run.sighting(look, |dip| *dip, |dip| format!("{dip:.3}")).map(caution).into_iter().collect()
}

/// Evenly spaced quantiles of a histogram, in order. Values that it cannot tell apart are spread over its resolution: a
/// pile on a single value would look like a mode.
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
