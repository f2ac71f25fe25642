mod alone;

use std::borrow::Cow;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) use alone::alone;

use crate::estimate::Estimate;
use crate::{Histogram, samples_needed};

/// Number of times that the rounds are resampled. The standard error is then within 2.2 % of its limit (one standard
/// deviation, from the asymptotic variance of two sample quantiles of a normal distribution). A test holds it to 4 %
/// with ten stand-ups and buckets as wide as the error.
const DRAWS: usize = 2_000;

/// Seed of the resampling, so that the same data give the same bytes.
const SEED: u64 = 0x006d_6573_6874_6178;

/// Steps of two series that fill a bucket evenly and independently of each other: fractional parts of multiples of two
/// irrational numbers (R. D. Richtmyer's sequences; Niederreiter, "Random Number Generation and Quasi-Monte Carlo
/// Methods", 1992, section 3.1).
const PLACES: [f64; 2] = [std::f64::consts::SQRT_2, 1.732_050_807_568_877_2];

/// Number of entries between two sums in [`Pool::below`].
const STRIDE: usize = 64;

const NS_PER_MS: f64 = 1e6;

/// The latencies of one arm in many rounds, arranged so that quantiles of any selection of rounds are quick to find.
struct Pool {
    rounds: usize,
    /// Every value of every round, ascending.
    entries: Vec<RoundSamples>,
    /// For each stride of entries, the number of samples of each round in all strides before it; one row per stride.
    below: Vec<u32>,
    /// Number of samples of each round.
    totals: Vec<u32>,
}

/// Samples of one value in one round.
struct RoundSamples {
    value_ns: u64,
    round: usize,
    count: u32,
}

/// The latencies of two arms in the rounds that both have.
pub(crate) struct Pools {
    base: Pool,
    arm: Pool,
}

/// A quantile of an arm compared with the baseline's.
pub(crate) struct QuantileEffect {
    /// The logarithm of their ratio.
    pub(crate) log_ratio: Estimate,
    /// Their difference, in milliseconds.
    pub(crate) difference_ms: Estimate,
}

impl Pools {
    /// Pools the latencies of the baseline and the arm, round by round (or stand-up by stand-up).
    pub(crate) fn of(pairs: &[[Cow<'_, Histogram>; 2]]) -> Self {
        let [base, arm] = [0, 1].map(|side| pairs.iter().map(|pair| &*pair[side]).collect::<Vec<&Histogram>>());
        Self { base: Pool::of(&base), arm: Pool::of(&arm) }
    }

    /// How the `q` quantiles of the two pools differ; `None` if one has fewer samples than [`samples_needed`].
    ///
    /// The standard errors are those of a bootstrap over rounds (Efron and Tibshirani, 1993, chapter 6). Whole rounds
    /// are the unit, because requests of one block are not independent (Davison and Hinkley, "Bootstrap Methods and
    /// their Application", 1997, section 3.8). The same rounds are drawn for both arms, so that what a round does to
    /// both cancels. The factor √(n / (n − 1)) corrects the bootstrap's bias: drawn rounds vary about their own mean.
    /// Percentiles of single blocks are never averaged.
    pub(crate) fn quantile(&self, q: f64) -> Option<QuantileEffect> {
        let needed = samples_needed(q);
        if self.base.count() < needed || self.arm.count() < needed {
            return None;
        }
        let rounds = self.base.rounds;
        let once = vec![1; rounds];
        let (base_ns, arm_ns) = (self.base.quantile_ns(q, &once), self.arm.quantile_ns(q, &once));
        let (mut logs, mut differences) = (Vec::with_capacity(DRAWS), Vec::with_capacity(DRAWS));
        for_each_draw(rounds, |weights, places| {
            let base_ns = within_bucket(self.base.quantile_ns(q, weights), places[0]);
            let arm_ns = within_bucket(self.arm.quantile_ns(q, weights), places[1]);
            logs.push((arm_ns / base_ns).ln());
            differences.push(arm_ns - base_ns);
        });
        let (log_ratio, difference) = (error(logs, rounds), error(differences, rounds));
        Some(QuantileEffect {
            log_ratio: Estimate::new((arm_ns / base_ns).ln(), log_ratio, rounds),
            difference_ms: Estimate::new(arm_ns - base_ns, difference, rounds).times(1.0 / NS_PER_MS),
        })
    }
}

impl Pool {
    fn of(rounds: &[&Histogram]) -> Self {
        let mut entries: Vec<RoundSamples> =
            (0..).zip(rounds).flat_map(|(round, histogram)| entries(round, histogram)).collect();
        entries.sort_by_key(|entry| entry.value_ns);
        let mut totals = vec![0; rounds.len()];
        let mut below = Vec::new();
        for stride in entries.chunks(STRIDE) {
            below.extend_from_slice(&totals);
            stride.iter().for_each(|entry| totals[entry.round] += entry.count);
        }
        Self { rounds: rounds.len(), entries, below, totals }
    }

    fn count(&self) -> u64 {
        self.totals.iter().copied().map(u64::from).sum()
    }

    /// The `q` quantile of the rounds, each counted as often as its weight says: the smallest value that a share of `q`
    /// of the samples does not exceed (type 1 of Hyndman and Fan, The American Statistician 50, 1996).
    fn quantile_ns(&self, q: f64, weights: &[u32]) -> f64 {
        // The subtraction prevents a product such as 0.9 · 70 = 63.00000000000001 from asking for the next sample.
        let rank = ((q * weighted(&self.totals, weights) as f64 - 1e-6).ceil() as u64).max(1);
        let strides = self.entries.len().div_ceil(STRIDE);
        let row = |stride: usize| &self.below[stride * self.rounds..][..self.rounds];
        // The last stride that starts below the rank. The first one starts with no samples below it.
        let stride = search(strides, |stride| weighted(row(stride), weights) < rank) - 1;
        let mut seen = weighted(row(stride), weights);
        let reaches = |entry: &&RoundSamples| {
            seen += u64::from(entry.count) * u64::from(weights[entry.round]);
            seen >= rank
        };
        let found = self.entries[stride * STRIDE..].iter().find(reaches);
        found.expect("no rank is above the number of samples").value_ns as f64
    }
}

fn entries(round: usize, histogram: &Histogram) -> impl Iterator<Item = RoundSamples> {
    // A length of zero has no logarithm; the histogram's range starts at 1 ns.
    histogram.recorded().map(move |(value_ns, count)| RoundSamples {
        value_ns: value_ns.max(1),
        round,
        count: u32::try_from(count).expect("a histogram's counts are of 32 bits"),
    })
}

/// The number of samples of all rounds, each counted as often as its weight says.
fn weighted(counts: &[u32], weights: &[u32]) -> u64 {
    counts.iter().zip(weights).map(|(count, weight)| u64::from(*count) * u64::from(*weight)).sum()
}

/// The number of indices in `0..len` that are `below`; those must come first.
fn search(len: usize, below: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low + (high - low) / 2;
        if below(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

/// Calls `see` [`DRAWS`] times, with how often each round was drawn and two places within a bucket.
fn for_each_draw(rounds: usize, mut see: impl FnMut(&[u32], [f64; 2])) {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut weights = vec![0; rounds];
    for draw in 0..DRAWS {
        weights.fill(0);
        (0..rounds).for_each(|_| weights[rng.random_range(0..rounds)] += 1);
        see(&weights, PLACES.map(|step| (draw as f64 * step).fract()));
    }
}

/// A value within the bucket that ends at `top_ns`. A bucket hides where its samples lie. If all draws fell on bucket
/// ends, their spread would be a whole number of buckets, and jump from one set of draws to the next. This is the
/// smoothed bootstrap (Silverman and Young, "The bootstrap: to smooth or not to smooth?", Biometrika 74, 1987) with the
/// bucket as its kernel.
fn within_bucket(top_ns: f64, place: f64) -> f64 {
    (top_ns - place * Histogram::resolution_ns(top_ns as u64) as f64).max(1.0)
}

/// The standard error from the draws: half the range of their middle 68.3 %. For normal draws this is one standard
/// deviation, but it is not inflated by the few draws that met the longest tail repeatedly (Machado and Parente,
/// "Bootstrap estimation of covariance matrices via the percentile method", Econometrics Journal 8, 2005). If all draws
/// agree to the bucket, the uncertainty within the bucket remains.
fn error(mut draws: Vec<f64>, rounds: usize) -> f64 {
    draws.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| draws[(share * DRAWS as f64) as usize];
    let spread = (at(0.841_345) - at(0.158_655)) / 2.0;
    let inflation = rounds as f64 / (rounds as f64 - 1.0).max(1.0);
    spread * inflation.sqrt()
}

#[cfg(test)]
mod tests;
