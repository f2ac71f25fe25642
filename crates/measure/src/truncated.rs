use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LoadBlock, NULL_ARM, Observations};

const NS_PER_MS: f64 = 1e6;
const NS_PER_S: f64 = 1e9;

/// Latencies as a client would report them that cuts each to a whole number of steps, as a Go client does with
/// `Milliseconds()`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Truncated {
    /// The step, in milliseconds.
    pub step_ms: f64,
    /// The arms, the baseline first.
    pub arms: Vec<TruncatedArm>,
}

/// One arm, as such a client would report it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TruncatedArm {
    /// Name of the arm.
    pub arm: String,
    /// Number of latencies that were cut: those of successful requests.
    pub requests: u64,
    /// Sum of the cut latencies, in seconds; null without latencies, and if a run did not keep each of them.
    pub wait_s_total: Option<f64>,
    /// Mean of the cut latencies, in milliseconds; null if the sum is.
    pub latency_ms_mean: Option<f64>,
    /// Mean of the same latencies before cutting, in milliseconds; null if the sum is.
    pub exact_ms_mean: Option<f64>,
    /// Cut mean over the baseline's; null if either is missing or the baseline's is zero.
    pub ratio: Option<f64>,
}

/// Cuts every latency of a run to whole steps. This must be exact, so it needs latencies that were kept one by one: a
/// bucket of a histogram may hold both sides of a step.
pub fn truncated(observations: &Observations, step: Duration) -> Truncated {
    let step_ns = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX).max(1);
    let arms = observations.arms.iter().filter(|arm| *arm != NULL_ARM || observations.arms.len() <= 2);
    let mut arms: Vec<TruncatedArm> = arms.map(|arm| of_arm(observations, arm, step_ns)).collect();
    let base = arms.first().and_then(|base| base.latency_ms_mean).filter(|base| *base > 0.0);
    for arm in arms.iter_mut().skip(1) {
        arm.ratio = base.zip(arm.latency_ms_mean).map(|(base, mean)| mean / base);
    }
    Truncated { step_ms: step_ns as f64 / NS_PER_MS, arms }
}

fn of_arm(observations: &Observations, arm: &str, step_ns: u64) -> TruncatedArm {
    let blocks: Vec<&LoadBlock> = observations.load.iter().filter(|block| block.arm == arm).collect();
    let requests = blocks.iter().map(|block| block.samples.latency.count()).sum();
    let all_kept = blocks.iter().all(|block| block.samples.sequence.len() as u64 == block.samples.latency.count());
    let kept = || blocks.iter().flat_map(|block| &block.samples.sequence);
    let told = (requests > 0 && all_kept).then(|| {
        let cut_ns: u64 = kept().map(|ns| ns - ns % step_ns).sum();
        (cut_ns as f64, kept().sum::<u64>() as f64)
    });
    let mean_ms = |sum_ns: f64| sum_ns / NS_PER_MS / requests as f64;
    TruncatedArm {
        arm: arm.to_owned(),
        requests,
        wait_s_total: told.map(|(cut_ns, _)| cut_ns / NS_PER_S),
        latency_ms_mean: told.map(|(cut_ns, _)| mean_ms(cut_ns)),
        exact_ms_mean: told.map(|(_, exact_ns)| mean_ms(exact_ns)),
        ratio: None,
    }
}

#[cfg(test)]
mod tests;
