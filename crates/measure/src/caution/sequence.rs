mod rank_correlation;
mod wander;

use statrs::distribution::{ContinuousCDF, Normal};

use super::{CautionKind, Run, Sighting, Witnessed};
use crate::Caution;
use rank_correlation::spearman;
use wander::{Parted, Wander, profile, wander};

/// Shorter sequences are ignored, because they show too little.
const SAMPLES_MIN: usize = 20;

/// The largest share of the spread within blocks that may lie between their quarters, beyond what independent requests,
/// or correlated neighbours alone, put there.
const WANDER_MAX: f64 = 0.15;

/// Number of tests that look for such a change.
const WANDER_TESTS: f64 = 2.0;

/// Correlation from which n requests are worth n/3 independent ones: (1 + r) / (1 - r) = 3 (Bayley and Hammersley, "The
/// effective number of independent observations in an autocorrelated time series", 1946). Less needs no caution: idle
/// virtual machines show 0.3 to 0.4, and intervals hold because they count blocks.
const CORRELATION_MAX: f64 = 0.5;

/// Warns about latency that changes within blocks, so that a block's figures depend on its length.
pub(super) fn not_stationary(run: &Run) -> Vec<Caution> {
    let look = |arm: &Witnessed| {
        let correlation = correlation(arm)?.value;
        let blocks: Vec<Parted> = sequences(arm).filter_map(Parted::of).collect();
        let is_much = |wander: &Wander| wander.share > WANDER_MAX && wander.p < run.level() / WANDER_TESTS;
        let found = [wander(&blocks, correlation), profile(&blocks)].into_iter().flatten().filter(is_much);
        found.map(|wander| wander.share).reduce(f64::max)
    };
    let seen = run.sighting(look, |share| *share, |share| format!("{:.0} %", share * 100.0));
    let caution = |seen: Sighting| {
        CautionKind::NotStationary.caution(format!(
            "latency changed within blocks (share of its spread between their quarters: {}; Kruskal-Wallis test, or \
             Student's on the quarters of all blocks): a block's figures depend on its length; try a longer warm-up, or \
             more and shorter blocks (more `--rounds`)",
            seen.arms
        ))
        .about(seen.names)
    };
    seen.map(caution).into_iter().collect()
}

/// Warns about requests whose latency resembles the one before: Spearman's rank correlation at lag one, over all
/// blocks, as in Lancet (Kogias, Mallon and Bugnion, "Lancet: a self-correcting latency measuring tool", USENIX ATC
/// 2019).
///
/// Only a positive correlation is a warning. Requests that go to a service's instances in turn correlate negatively, by
/// design.
pub(super) fn autocorrelated(run: &Run) -> Vec<Caution> {
    let is_strong = |found: &Correlation| found.value > CORRELATION_MAX && found.p < run.level();
    let look = |arm: &Witnessed| Some(correlation(arm).filter(is_strong)?.value);
    let seen = run.sighting(look, |correlation| *correlation, |correlation| format!("{correlation:.2}"));
    let caution = |seen: Sighting| {
        let worth = (100.0 * (1.0 - seen.worst) / (1.0 + seen.worst)).max(1.0);
        CautionKind::Autocorrelated.caution(format!(
            "latencies resemble the ones before them (Spearman's correlation within blocks: {}): a block of 100 requests may \
             be worth no more than {worth:.0} independent ones;  intervals count blocks and hold, but longer blocks help little; \
             try a longer think time, or more and shorter blocks",
            seen.arms
        ))
        .about(seen.names)
    };
    seen.map(caution).into_iter().collect()
}

/// The correlation of a request's latency with the one before.
struct Correlation {
    /// The correlation, from -1 to 1.
    value: f64,
    /// Two-sided p of the hypothesis that there is no correlation.
    p: f64,
}

/// The correlation over all blocks of an arm, weighted by their lengths; `None` without blocks. For n values with their
/// own mean subtracted, the correlation at lag one is too low by (1 + 4r)/n (Marriott and Pope, "Bias in the estimation
/// of autocorrelations", Biometrika 41 (1954)), and varies by about 1/n.
fn correlation(arm: &Witnessed) -> Option<Correlation> {
    let of_block = |sequence: &[u64]| spearman(&sequence[1..], &sequence[..sequence.len() - 1]);
    let blocks = sequences(arm).filter_map(|sequence| Some((of_block(sequence)?, sequence.len() as f64)));
    let blocks: Vec<(f64, f64)> = blocks.collect();
    let weight: f64 = blocks.iter().map(|(_, length)| length).sum();
    let sum: f64 = blocks.iter().map(|(correlation, length)| correlation * length + 1.0 + 4.0 * correlation).sum();
    let value = (sum / weight).min(1.0);
    let p = 2.0 * Normal::standard().sf(value * weight.sqrt());
    (!blocks.is_empty()).then_some(Correlation { value, p })
}

fn sequences<'a>(arm: &'a Witnessed) -> impl Iterator<Item = &'a [u64]> {
    arm.blocks.iter().map(|block| block.samples.sequence.as_slice()).filter(|sequence| sequence.len() >= SAMPLES_MIN)
}

#[cfg(test)]
mod tests;
