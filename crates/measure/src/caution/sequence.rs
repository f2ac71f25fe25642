mod rank_correlation;
mod unit_root;

use statrs::distribution::{ContinuousCDF, Normal};

use super::{CautionKind, Run, Sighting, Witnessed};
use crate::Caution;
use rank_correlation::spearman;
use unit_root::is_stationary;

/// Shorter sequences show too little of themselves.
const SAMPLES_MIN: usize = 50;

/// Share of blocks that may look as if latency wandered; of several blocks, one always may. About one in a hundred blocks
/// of 100 independent latencies does.
const WANDERING_MAX: f64 = 0.2;

/// Correlation from which n requests tell as much as n/2 independent ones: (1 + r) / (1 - r) = 2 (Bayley and Hammersley,
/// "The effective number of independent observations in an autocorrelated time series", 1946).
const CORRELATION_MAX: f64 = 1.0 / 3.0;

/// Latency that wanders within blocks: the first of the two tests of Lancet (Kogias, Mallon and Bugnion, "Lancet: a
/// self-correcting latency measuring tool", USENIX ATC 2019), the augmented Dickey-Fuller test, on each block.
pub(super) fn not_stationary(run: &Run) -> Vec<Caution> {
    let tell = |(wandering, blocks): &(usize, usize)| format!("{wandering} of {blocks}");
    let seen = run.sighting(wandering, |(wandering, _)| *wandering as f64, tell);
    let caution = |seen: Sighting| {
        CautionKind::NotStationary.caution(format!(
            "latency wandered within blocks ({}; augmented Dickey-Fuller test): a block's figures depend on its length; try a \
             longer warm-up, or blocks so short that they alternate faster (more `--rounds`)",
            seen.arms
        ))
        .about(seen.names)
    };
    seen.map(caution).into_iter().collect()
}

/// Blocks in which latency wandered, of those that can tell, if they are too many for chance.
fn wandering(arm: &Witnessed) -> Option<(usize, usize)> {
    let stationary: Vec<bool> = sequences(arm).filter_map(is_stationary).collect();
    let wandering = stationary.iter().filter(|stationary| !**stationary).count();
    let is_chance = wandering == 1 && stationary.len() > 1;
    let is_little = wandering as f64 <= WANDERING_MAX * stationary.len() as f64;
    (!is_chance && !is_little).then_some((wandering, stationary.len()))
}

/// Requests whose latency resembles that of the one before: the second of Lancet's tests, Spearman's rank correlation at
/// lag one, over all blocks.
///
/// Only positive correlation is a warning: requests that go to the instances of a service in turn are correlated
/// negatively, by design.
pub(super) fn autocorrelated(run: &Run) -> Vec<Caution> {
    let look = |arm: &Witnessed| {
        let correlation = |sequence: &[u64]| spearman(&sequence[1..], &sequence[..sequence.len() - 1]);
        let blocks = sequences(arm).filter_map(|sequence| Some((correlation(sequence)?, sequence.len() as f64)));
        pooled(&blocks.collect::<Vec<_>>(), run.level())
    };
    let seen = run.sighting(look, |correlation| *correlation, |correlation| format!("{correlation:.2}"));
    let caution = |seen: Sighting| {
        let worth = (100.0 * (1.0 - seen.worst) / (1.0 + seen.worst)).max(1.0);
        CautionKind::Autocorrelated.caution(format!(
            "latencies resemble the ones before them (Spearman's correlation within blocks: {}): a block of 100 requests may \
             tell no more than {worth:.0} independent ones; intervals count blocks and hold, but longer blocks help little; \
             try a longer think time, or more and shorter blocks",
            seen.arms
        ))
        .about(seen.names)
    };
    seen.map(caution).into_iter().collect()
}

/// The correlation of all blocks together, weighted by their lengths, if it is strong and certain. Of n independent
/// values the correlation at lag one has mean about -1/n and variance about 1/n (Kendall, "Rank correlation methods").
fn pooled(blocks: &[(f64, f64)], level: f64) -> Option<f64> {
    let weight: f64 = blocks.iter().map(|(_, length)| length).sum();
    let sum: f64 = blocks.iter().map(|(correlation, length)| correlation * length + 1.0).sum();
    let correlation = (sum / weight).min(1.0);
    let p = 2.0 * Normal::standard().sf(correlation * weight.sqrt());
    // Without blocks the correlation is no number and passes.
    (correlation > CORRELATION_MAX && p < level).then_some(correlation)
}

fn sequences<'a>(arm: &'a Witnessed) -> impl Iterator<Item = &'a [u64]> {
    arm.blocks.iter().map(|block| block.sequence.as_slice()).filter(|sequence| sequence.len() >= SAMPLES_MIN)
}

#[cfg(test)]
mod tests;
