use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, Normal};

use super::{CautionKind, Run, Sighting, Witnessed};
use crate::interval::{ROUNDS_EXACT, mean};
use crate::{Caution, Metric};

/// Relative changes from the first third of the rounds to the last from which there is a caution.
const CHANGE: f64 = 0.05;
const EFFECT_CHANGE: f64 = 0.02;
const MEMORY_CHANGE: f64 = 0.02;

/// Number of guards against drift: latency and CPU time, each of arms and relative to the baseline.
const DRIFTS: f64 = 4.0;

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

/// Warns about a figure that rises or falls with the rounds. All arms are affected alike, but their figures mix
/// different states.
fn drift(run: &Run, metric: Metric, name: &str) -> Vec<Caution> {
    let look = |arm: &Witnessed| change(run, &arm.seen.series(metric).by_round, CHANGE);
    let caution = |seen: Sighting| {
        CautionKind::Drift.caution(format!(
            "{name} changed from the first third of the rounds to the last{} ({}; Mann-Kendall test): rounds pair the arms, \
             so effects hold, but an arm's own figures mix different states; try a longer warm-up",
            of_each(run),
            seen.arms
        ))
        .about(seen.names)
    };
    run.sighting(look, |change| change.abs(), percent).map(caution).into_iter().collect()
}

/// Warns about an effect that changes with the rounds, which pairing cannot correct.
fn effect_drift(run: &Run, metric: Metric, name: &str) -> Vec<Caution> {
    let Some(base) = run.arms.first() else { return Vec::new() };
    let base = base.seen.series(metric).by_round;
    let look = |arm: &Witnessed| {
        let by_round = arm.seen.series(metric).by_round;
        let ratio = |(round, value): (&u32, &f64)| Some((*round, value / base.get(round).filter(|base| **base > 0.0)?));
        change(run, &by_round.iter().filter_map(ratio).collect(), EFFECT_CHANGE)
    };
    let caution = |seen: Sighting| {
        CautionKind::Drift.caution(format!(
            "{name} changed relative to the baseline's from the first third of the rounds to the last{} ({}; Mann-Kendall test on \
             ratios): the effect is a mean over different states; try a longer warm-up, and see which arm \
             approaches a steady state",
            of_each(run),
            seen.arms
        ))
        .about(seen.names)
    };
    run.sighting(look, |change| change.abs(), percent).map(caution).into_iter().collect()
}

/// Warns about memory that still grows at the end of the run, or of each stand-up.
pub(super) fn memory_growing(run: &Run) -> Vec<Caution> {
    let look = |arm: &Witnessed| {
        let memory = arm.seen.series(Metric::MemoryLoadedMib).by_round;
        let lives = lives(run, &memory);
        let change = certain_change(&lives, run.level()).filter(|change| *change > MEMORY_CHANGE)?;
        let of_lives =
            |third: fn(&[f64]) -> &[f64]| median(&lives.iter().map(|life| median(third(life))).collect::<Vec<_>>());
        Some((change, of_lives(first_third), of_lives(last_third)))
    };
    let tell = |(_, first, last): &(f64, f64, f64)| format!("{first:.1} to {last:.1} MiB");
    let caution = |seen: Sighting| {
        CautionKind::MemoryGrowing.caution(format!(
            "memory was still growing from the first third of the rounds to the last{} ({}; Mann-Kendall test): the figure \
             depends on the length of the run; try a longer warm-up or more rounds, and quote the length",
            of_each(run),
            seen.arms
        ))
        .about(seen.names)
    };
    run.sighting(look, |(change, ..)| *change, tell).map(caution).into_iter().collect()
}

/// Words for several stand-ups: effects of warming up repeat in each of them.
fn of_each(run: &Run) -> &'static str {
    if run.observations.stands.is_some() { " of each stand-up" } else { "" }
}

/// The relative change within stand-ups, or from one to the next, if it is certain and larger than `least`.
///
/// Rounds of one stand-up resemble each other, because processes differ for as long as they live. Stand-ups are
/// therefore compared by their means.
fn change(run: &Run, by_round: &BTreeMap<u32, f64>, least: f64) -> Option<f64> {
    let lives = lives(run, by_round);
    let level = run.level() / DRIFTS / if lives.len() > 1 { 2.0 } else { 1.0 };
    let from_life_to_life = || {
        let means: Vec<f64> = lives.iter().filter_map(|life| mean(life)).collect();
        certain_change(&[means], level)
    };
    let is_much = |change: &f64| change.abs() > least;
    certain_change(&lives, level).filter(is_much).or_else(|| from_life_to_life().filter(is_much))
}

/// The values of each stand-up, in their order.
fn lives(run: &Run, by_round: &BTreeMap<u32, f64>) -> Vec<Vec<f64>> {
    let life = |round: u32| run.observations.stands.map_or(0, |stands| stands.of_round(round));
    let mut lives: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    by_round.iter().for_each(|(round, value)| lives.entry(life(*round)).or_default().push(*value));
    lives.into_values().collect()
}

/// The median over sequences of the relative change from a sequence's first third to its last; `None` without a trend
/// at this level.
pub(super) fn certain_change(sequences: &[Vec<f64>], level: f64) -> Option<f64> {
    let count: usize = sequences.iter().map(Vec::len).sum();
    if count < ROUNDS_EXACT || trend_p(sequences) >= level {
        return None;
    }
    let of_one = |values: &Vec<f64>| {
        let (first, last) = (median(first_third(values)), median(last_third(values)));
        (first > 0.0).then(|| last / first - 1.0)
    };
    let changes: Vec<f64> = sequences.iter().filter_map(of_one).collect();
    (!changes.is_empty()).then(|| median(&changes))
}

/// Two-sided p of the test that values in the order of each sequence have no monotonic trend.
///
/// Mann, "Nonparametric tests against trend", Econometrica 13 (1945), and Kendall, "Rank correlation methods" (1948):
/// the number of rising pairs minus that of falling pairs, by its normal limit with corrections for ties and
/// continuity; good from ten values on. Scores and variances of several sequences add up, like those of seasons in
/// Hirsch, Slack and Smith, "Techniques of trend analysis for monthly water quality data", Water Resources Research 18
/// (1982).
fn trend_p(sequences: &[Vec<f64>]) -> f64 {
    let score: i64 = sequences.iter().map(|values| score(values)).sum();
    let variance: f64 = sequences.iter().map(|values| variance(values)).sum();
    if variance <= 0.0 {
        return 1.0;
    }
    let z = (score.abs() - 1).max(0) as f64 / variance.sqrt();
    2.0 * Normal::standard().sf(z)
}

/// Number of rising pairs minus falling pairs.
fn score(values: &[f64]) -> i64 {
    let sign = |(first, later): (&f64, &f64)| i64::from(later > first) - i64::from(later < first);
    let pairs =
        values.iter().enumerate().flat_map(|(n, first)| values[n + 1..].iter().map(move |later| (first, later)));
    pairs.map(sign).sum()
}

/// Variance of the score if there is no trend.
fn variance(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let spread = |count: f64| count * (count - 1.0) * (2.0 * count + 5.0);
    let tied: f64 = sorted.chunk_by(|left, right| left == right).map(|ties| spread(ties.len() as f64)).sum();
    (spread(values.len() as f64) - tied) / 18.0
}

fn percent(change: &f64) -> String {
    format!("{:+.0} %", change * 100.0)
}

fn first_third(values: &[f64]) -> &[f64] {
    &values[..values.len().div_ceil(3)]
}

fn last_third(values: &[f64]) -> &[f64] {
    &values[values.len() - values.len().div_ceil(3)..]
}

/// The median, the upper of two middle values; zero without values.
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
