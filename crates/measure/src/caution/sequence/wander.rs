use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};

use super::rank_correlation::ranks;

/// Number of parts of equal length into which a block is divided.
const PARTS: usize = 4;

/// A block, divided into parts.
pub(super) struct Parted {
    length: f64,
    /// Share of the variance of ranks that lies between the parts, from 0 to 1.
    between: f64,
    /// Mean rank of each part minus that of the block, divided by the spread of the block's ranks.
    means: [f64; PARTS],
}

/// How much latency changes within the blocks of an arm.
pub(super) struct Wander {
    /// Share of the variance between parts beyond what chance puts there, at most 1; it can be negative.
    pub(super) share: f64,
    /// Probability of the hypothesis that parts do not differ (p).
    pub(super) p: f64,
}

impl Parted {
    /// Divides a block; `None` if all its latencies are equal.
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

    /// The share between the parts that chance causes if neighbours correlate by `correlation`, and nothing else
    /// varies.
    fn by_chance(&self, correlation: f64) -> f64 {
        (PARTS as f64 - 1.0) / (self.length - 1.0) * inflation(self.length / PARTS as f64, correlation)
    }
}

/// Tests whether latency changes within blocks: the analysis of variance of ranks, with all blocks' statistics added.
///
/// Kruskal and Wallis, "Use of ranks in one-criterion variance analysis", Journal of the American Statistical
/// Association 47 (1952). For n independent values, n - 1 times the share between parts is χ²-distributed, with one
/// degree of freedom less than there are parts, and the statistics of several blocks add up. Correlated neighbours make
/// the means of parts vary more: `correlation` is theirs at lag one. Returns `None` without blocks.
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

/// Tests whether all blocks change alike from part to part: mean parts are compared with how blocks differ in them, so
/// that correlated neighbours do not matter. A trend within blocks also makes neighbours alike, and so hides from
/// [`wander`] in short blocks. Returns `None` with fewer than two blocks.
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
    // With several tests, the smallest p is multiplied by their number (Bonferroni).
    Some(Wander { share, p: (least * PARTS as f64).min(1.0) })
}

/// The factor by which the variance of a mean of `length` values grows if each correlates with the one before, as in a
/// first-order autoregression (Bayley and Hammersley, "The effective number of independent observations in an
/// autocorrelated time series", 1946).
fn inflation(length: f64, correlation: f64) -> f64 {
    let apart = 1.0 - correlation;
    (1.0 + correlation) / apart - 2.0 * correlation * (1.0 - correlation.powf(length)) / (length * apart.powi(2))
}

#[cfg(test)]
mod tests;
