use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};

use super::rank_correlation::ranks;

/// Parts of equal length into which a block falls.
const PARTS: usize = 4;

/// A block by its parts.
pub(super) struct Parted {
    length: f64,
    /// Share of the variance of ranks that lies between the parts, from 0 to 1.
    between: f64,
    /// Mean rank of each part less that of the block, by the spread of the block's ranks.
    means: [f64; PARTS],
}

/// What the blocks of an arm show together.
pub(super) struct Wander {
    /// Share of the variance that lies between parts beyond what chance puts there; from below 0 to 1.
    pub(super) share: f64,
    /// Of the hypothesis that parts do not differ.
    pub(super) p: f64,
}

impl Parted {
    /// None where all latencies are equal.
    pub(super) fn of(sequence: &[u64]) -> Option<Self> {
        let ranks = ranks(sequence);
        let length = ranks.len() as f64;
        let middle = (length + 1.0) / 2.0;
        let all: f64 = ranks.iter().map(|rank| (rank - middle).powi(2)).sum();
        let part = |number: usize| &ranks[number * ranks.len() / PARTS..(number + 1) * ranks.len() / PARTS];
        let sum = |part: &[f64]| part.iter().map(|rank| rank - middle).sum::<f64>();
        let between: f64 = (0..PARTS).map(part).map(|part| sum(part).powi(2) / part.len() as f64).sum();
        let spread = (all / length).sqrt();
        let means = std::array::from_fn(|number| sum(part(number)) / part(number).len() as f64 / spread);
        (all > 0.0).then(|| Self { length, between: between / all, means })
    }

    /// The share that lies between the parts by chance where neighbours correlate by `correlation`, and nothing else does.
    fn by_chance(&self, correlation: f64) -> f64 {
        (PARTS as f64 - 1.0) / (self.length - 1.0) * inflation(self.length / PARTS as f64, correlation)
    }
}

/// Whether latency wanders within blocks: the analysis of variance of ranks, with all blocks' statistics added.
///
/// Kruskal and Wallis, "Use of ranks in one-criterion variance analysis", Journal of the American Statistical Association
/// 47 (1952): of n independent values, n - 1 times the share between parts is χ²-distributed, with one degree of freedom
/// less than there are parts, and such of several blocks add up. Values that resemble their neighbours make means of parts
/// vary more: `correlation` is theirs at lag one. None without blocks.
pub(super) fn wander(blocks: &[Parted], correlation: f64) -> Option<Wander> {
    let correlation = correlation.clamp(0.0, 0.9);
    let sum = |of: &dyn Fn(&Parted) -> f64| blocks.iter().map(of).sum::<f64>();
    let statistic =
        sum(&|block| block.between * (block.length - 1.0) / inflation(block.length / PARTS as f64, correlation));
    let p = ChiSquared::new((blocks.len() * (PARTS - 1)) as f64).ok()?.sf(statistic);
    let weight = sum(&|block| block.length);
    let seen = sum(&|block| block.between * block.length) / weight;
    let chance = sum(&|block| block.by_chance(correlation) * block.length) / weight;
    Some(Wander { share: (seen - chance) / (1.0 - chance).max(f64::EPSILON), p })
}

/// Whether all blocks change alike from part to part: their mean parts, held against how blocks differ in them, so that it
/// does not matter how much requests resemble their neighbours. A trend within blocks makes these alike, too, and hides
/// itself from [`wander`] where blocks are short. None without two blocks.
pub(super) fn profile(blocks: &[Parted]) -> Option<Wander> {
    let count = blocks.len() as f64;
    let student = StudentsT::new(0.0, 1.0, count - 1.0).ok()?;
    let of_part = |number: usize| {
        let values: Vec<f64> = blocks.iter().map(|block| block.means[number]).collect();
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, 2.0 * student.sf(mean.abs() / (variance / count).sqrt()))
    };
    let parts: Vec<(f64, f64)> = (0..PARTS).map(of_part).collect();
    let share = parts.iter().map(|(mean, _)| mean.powi(2)).sum::<f64>() / PARTS as f64;
    let least = parts.iter().map(|(_, p)| *p).fold(1.0, f64::min);
    // Of several tests the least p holds at so much (Bonferroni).
    Some(Wander { share, p: (least * PARTS as f64).min(1.0) })
}

/// How many times as much the mean of so many values varies if each correlates with the one before, as in a first-order
/// autoregression, than if they are independent (Bayley and Hammersley, "The effective number of independent observations
/// in an autocorrelated time series", 1946).
fn inflation(length: f64, correlation: f64) -> f64 {
    let apart = 1.0 - correlation;
    (1.0 + correlation) / apart - 2.0 * correlation * (1.0 - correlation.powf(length)) / (length * apart.powi(2))
}

#[cfg(test)]
mod tests;
