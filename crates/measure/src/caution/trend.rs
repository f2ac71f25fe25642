use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, Normal};

use super::{CautionKind, Run, Sighting, Witnessed};
use crate::interval::ROUNDS_EXACT;
use crate::{Caution, Metric};

/// Relative changes from the first third of the rounds to the last that are worth a word.
const CHANGE: f64 = 0.05;
const EFFECT_CHANGE: f64 = 0.02;
const MEMORY_CHANGE: f64 = 0.02;

pub(super) fn latency_drift(run: &Run) -> Vec<Caution> {
    drift(run, Metric::LatencyMsP50, "median latency")
}

pub(super) fn latency_effect_drift(run: &Run) -> Vec<Caution> {
    effect_drift(run, Metric::LatencyMsP50, "median latency")
}

pub(super) fn cpu_drift(run: &Run) -> Vec<Caution> {
    drift(run, Metric::CpuMsPerRequest, "CPU time per request")
}

pub(super) fn cpu_effect_drift(run: &Run) -> Vec<Caution> {
    effect_drift(run, Metric::CpuMsPerRequest, "CPU time per request")
}

/// A figure that rises or falls with the rounds. It falls on all arms alike, but the figures are those of no one time.
fn drift(run: &Run, metric: Metric, name: &str) -> Vec<Caution> {
    let look = |arm: &Witnessed| {
        let by_round = arm.seen.series(metric).by_round;
        certain_change(&values(&by_round), run.level()).filter(|change| change.abs() > CHANGE)
    };
    let caution = |seen: Sighting| {
        CautionKind::Drift.caution(format!(
            "{name} changed from the first third of the rounds to the last ({}; Mann-Kendall test): rounds pair the \
             arms, so effects hold, but an arm's own figures mix different states; try a longer warm-up",
            seen.arms
        ))
        .about(seen.names)
    };
    run.sighting(look, |change| change.abs(), percent).map(caution).into_iter().collect()
}

/// An effect that changes with the rounds: what pairing cannot help.
fn effect_drift(run: &Run, metric: Metric, name: &str) -> Vec<Caution> {
    let Some(base) = run.arms.first() else { return Vec::new() };
    let base = base.seen.series(metric).by_round;
    let look = |arm: &Witnessed| {
        let by_round = arm.seen.series(metric).by_round;
        let ratio = |(round, value): (&u32, &f64)| Some(value / base.get(round).filter(|base| **base > 0.0)?);
        let ratios: Vec<f64> = by_round.iter().filter_map(ratio).collect();
        certain_change(&ratios, run.level()).filter(|change| change.abs() > EFFECT_CHANGE)
    };
    let caution = |seen: Sighting| {
        CautionKind::Drift.caution(format!(
            "{name} changed beside the baseline's from the first third of the rounds to the last ({}; Mann-Kendall \
             test on ratios): the effect is a mean of what it was at different times; try a longer warm-up, and see which arm \
             approaches a steady state",
            seen.arms
        ))
        .about(seen.names)
    };
    run.sighting(look, |change| change.abs(), percent).map(caution).into_iter().collect()
}

/// Memory that is still growing when the run ends.
pub(super) fn memory_growing(run: &Run) -> Vec<Caution> {
    let look = |arm: &Witnessed| {
        let memory = values(&arm.seen.series(Metric::MemoryLoadedMib).by_round);
        let change = certain_change(&memory, run.level()).filter(|change| *change > MEMORY_CHANGE)?;
        Some((change, median(first_third(&memory)), median(last_third(&memory))))
    };
    let tell = |(_, first, last): &(f64, f64, f64)| format!("{first:.1} to {last:.1} MiB");
    let caution = |seen: Sighting| {
        CautionKind::MemoryGrowing.caution(format!(
            "memory was still growing from the first third of the rounds to the last ({}; Mann-Kendall test): the figure \
             depends on the length of the run; try a longer warm-up or more rounds, and quote the length",
            seen.arms
        ))
        .about(seen.names)
    };
    run.sighting(look, |(change, ..)| *change, tell).map(caution).into_iter().collect()
}

/// The relative change from the first third to the last, if there is a trend at that level.
pub(super) fn certain_change(values: &[f64], level: f64) -> Option<f64> {
    let (first, last) = (median(first_third(values)), median(last_third(values)));
    (values.len() >= ROUNDS_EXACT && first > 0.0 && trend_p(values) < level).then(|| last / first - 1.0)
}

/// Two-sided p of the test that values in their order have no monotonic trend.
///
/// Mann, "Nonparametric tests against trend", Econometrica 13 (1945), and Kendall, "Rank correlation methods" (1948): the
/// number of pairs that rise less that of pairs that fall, by its normal limit with corrections for ties and continuity;
/// good from ten values on.
fn trend_p(values: &[f64]) -> f64 {
    let sign = |(first, later): (&f64, &f64)| i64::from(later > first) - i64::from(later < first);
    let pairs =
        values.iter().enumerate().flat_map(|(n, first)| values[n + 1..].iter().map(move |later| (first, later)));
    let score: i64 = pairs.map(sign).sum();
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let spread = |count: f64| count * (count - 1.0) * (2.0 * count + 5.0);
    let tied: f64 = sorted.chunk_by(|left, right| left == right).map(|ties| spread(ties.len() as f64)).sum();
    let variance = (spread(values.len() as f64) - tied) / 18.0;
    if variance <= 0.0 {
        return 1.0;
    }
    let z = (score.abs() - 1).max(0) as f64 / variance.sqrt();
    2.0 * Normal::standard().sf(z)
}

fn percent(change: &f64) -> String {
    format!("{:+.0} %", change * 100.0)
}

fn values(by_round: &BTreeMap<u32, f64>) -> Vec<f64> {
    by_round.values().copied().collect()
}

fn first_third(values: &[f64]) -> &[f64] {
    &values[..values.len().div_ceil(3)]
}

fn last_third(values: &[f64]) -> &[f64] {
    &values[values.len() - values.len().div_ceil(3)..]
}

/// The middle value, the upper one of two; zero of nothing.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests;
