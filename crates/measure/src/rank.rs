//! Rank statistics, shown for information beside the statistics on which verdicts rest.

use statrs::distribution::{ContinuousCDF, Normal};

/// Up to this many values, the distribution of the signed-rank sum is counted exactly. Beyond, its normal limit is
/// close.
const COUNTED_MAX: usize = 50;

/// The median of the means of all pairs of values, each value also paired with itself; `None` without values.
///
/// Hodges and Lehmann, "Estimation of location based on ranks", Annals of Mathematical Statistics 34 (1963). It changes
/// little if a few rounds are outliers.
pub(crate) fn hodges_lehmann(values: &[f64]) -> Option<f64> {
    let pairs =
        values.iter().enumerate().flat_map(|(n, left)| values[n..].iter().map(move |right| (left + right) / 2.0));
    let mut means: Vec<f64> = pairs.collect();
    if means.is_empty() {
        return None;
    }
    let (middle, even) = (means.len() / 2, means.len().is_multiple_of(2));
    let (below, upper, _) = means.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    // With an even number of means, the two in the middle are averaged.
    let lower = below.iter().copied().reduce(f64::max).filter(|_| even);
    Some(lower.map_or(upper, |lower| (lower + upper) / 2.0))
}

/// Two-sided p of the signed-rank test that the values are symmetric about zero; `None` without values.
///
/// Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945): zeros are left out, and ties
/// share the mean of their ranks. It is exact, given the ties, up to 50 values, then by the normal limit with
/// corrections for ties and continuity (Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", 3rd edition,
/// section 3.1).
pub(crate) fn wilcoxon_p(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let ranks = signed_ranks(values);
    let positive: u64 = ranks.iter().filter(|(positive, _)| *positive).map(|(_, rank)| rank).sum();
    let all: u64 = ranks.iter().map(|(_, rank)| rank).sum();
    let smaller = positive.min(all - positive);
    let tail = if ranks.len() <= COUNTED_MAX { counted(&ranks, smaller) } else { limit(&ranks, smaller) };
    Some((2.0 * tail).min(1.0))
}

/// For each value except zeros, whether it is positive, and twice the rank of its size, which is whole even if ties
/// share a rank.
fn signed_ranks(values: &[f64]) -> Vec<(bool, u64)> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| *value != 0.0).collect();
    sorted.sort_by(|left, right| left.abs().total_cmp(&right.abs()));
    let mut ranks = Vec::with_capacity(sorted.len());
    for ties in sorted.chunk_by(|left, right| left.abs() == right.abs()) {
        let first = ranks.len() as u64 + 1;
        let doubled = 2 * first + ties.len() as u64 - 1;
        ranks.extend(ties.iter().map(|value| (*value > 0.0, doubled)));
    }
    ranks
}

/// The probability of a sum of at most `sum` if every sign is a coin toss, by counting the tosses that give each sum.
fn counted(ranks: &[(bool, u64)], sum: u64) -> f64 {
    let sum = sum as usize;
    let mut chances = vec![0.0; sum + 1];
    chances[0] = 1.0;
    for (_, rank) in ranks {
        let rank = *rank as usize;
        for reached in (0..=sum).rev() {
            let with = if reached >= rank { chances[reached - rank] } else { 0.0 };
            chances[reached] = (chances[reached] + with) / 2.0;
        }
    }
    chances.iter().sum()
}

/// The same probability by the normal limit. Ranks are doubled, so the continuity correction of a half is one.
fn limit(ranks: &[(bool, u64)], sum: u64) -> f64 {
    let mean = ranks.iter().map(|(_, rank)| *rank as f64 / 2.0).sum::<f64>();
    let variance = ranks.iter().map(|(_, rank)| (*rank as f64 / 2.0).powi(2)).sum::<f64>();
    Normal::standard().cdf((sum as f64 + 1.0 - mean).min(0.0) / variance.sqrt())
}

#[cfg(test)]
mod tests;
