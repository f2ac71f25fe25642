use crate::effect::effects_in;
use crate::interval::ROUNDS_EXACT;
use crate::{Effect, Observations, Until};

/// Whether the run has gone on long enough: in every arm but the noise floor the interval's half-width is below what was
/// asked for. Meant to be asked after every round; most times it answers no without computing anything.
///
/// Stopping where the interval happens to be narrow keeps the runs in which the spread was underestimated, so it costs
/// coverage (Chow and Robbins, "On the asymptotic theory of fixed-width sequential confidence intervals for the mean",
/// Annals of Mathematical Statistics 36, 1965: the cost vanishes as intervals narrow). Two rules keep it small: nothing
/// stops below [`ROUNDS_EXACT`] rounds, where a spread is easily underestimated, and a run is looked at only when it
/// has grown by a tenth since the last look. In `benches/coverage.rs` the intervals of runs that stopped after 16 rounds
/// on average held the truth in 93.7 % of cases (mean) and 94.4 % (median). A metric without an interval, such as one
/// whose baseline is zero, never stops a run.
pub fn is_reached(until: &Until, observations: &Observations) -> bool {
    let rounds = rounds(observations);
    is_look(rounds) && {
        let effects = effects_in(observations, until.metric);
        let narrow =
            |effect: &Effect| effect.ratio_ci95.is_some_and(|[low, high]| (high - low) / 2.0 < until.half_width);
        !effects.is_empty() && effects.iter().all(narrow)
    }
}

/// Rounds that every arm completed.
fn rounds(observations: &Observations) -> usize {
    let of_arm = |arm: &String| observations.load.iter().filter(|block| block.arm == *arm).count();
    observations.arms.iter().map(of_arm).min().unwrap_or(0)
}

/// Whether a run is looked at after so many rounds: 10, 11, 12 … 20, 22, 24 … 50, 55, 61 …
fn is_look(rounds: usize) -> bool {
    let mut look = ROUNDS_EXACT;
    while look < rounds {
        look += look / 10;
    }
    look == rounds
}

#[cfg(test)]
mod tests;
