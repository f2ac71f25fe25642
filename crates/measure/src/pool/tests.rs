use proptest::prelude::*;

use super::*;

fn of(values: &[u64]) -> Histogram {
    let mut histogram = Histogram::new();
    values.iter().for_each(|&value| histogram.record(value));
    histogram
}

/// Quantiles of the baseline's and the arm's rounds, one value per request.
fn effect(base: &[Vec<u64>], arm: &[Vec<u64>], q: f64) -> Option<QuantileEffect> {
    let histograms: Vec<(Histogram, Histogram)> = base.iter().zip(arm).map(|(base, arm)| (of(base), of(arm))).collect();
    let pairs = histograms.iter().map(|(base, arm)| [Cow::Borrowed(base), Cow::Borrowed(arm)]);
    Pools::of(&pairs.collect::<Vec<_>>()).quantile(q)
}

/// Ten rounds of a hundred requests, 1 ms and more.
fn rounds(factor: f64) -> Vec<Vec<u64>> {
    let value =
        |round: u64, request: u64| (1e6 * factor) as u64 + 1_000 * (request * 37 % 100) + 5_000 * (round * 7 % 10);
    (0..10).map(|round| (0..100).map(|request| value(round, request)).collect()).collect()
}

#[test]
fn quantiles_of_rounds_together_and_not_the_mean_of_theirs() {
    // Nine rounds of 1 ms, one of 100 ms: the median of all requests is 1 ms.
    let mut base = vec![vec![1_000_000; 20]; 10];
    let arm = base.clone();
    base[3] = vec![100_000_000; 20];
    let effect = effect(&base, &arm, 0.5).unwrap();
    assert_eq!((effect.log_ratio.value, effect.difference_ms.value), (0.0, 0.0));
}

#[test]
fn a_quantile_needs_ten_samples_beyond_it_in_all_rounds_together() {
    let (few, enough) = (vec![vec![7; 99]; 10], vec![vec![7; 100]; 10]);
    assert!(effect(&few, &enough, 0.99).is_none() && effect(&enough, &few, 0.99).is_none());
    assert!(effect(&enough, &enough, 0.99).is_some());
    assert!(effect(&[], &[], 0.5).is_none());
}

#[test]
fn what_a_bucket_hides_is_in_the_interval() {
    let constant = vec![vec![1_000_000; 100]; 10];
    let [low, high] = effect(&constant, &constant, 0.5).unwrap().log_ratio.interval_95().unwrap();
    assert!(low < 0.0 && 0.0 < high && high - low < 0.002, "[{low}, {high}]");
}

#[test]
fn what_a_round_does_to_both_arms_cancels() {
    let (base, arm) = (rounds(1.0), rounds(1.0));
    let other: Vec<Vec<u64>> = arm.iter().rev().cloned().collect();
    let width = |arm: &[Vec<u64>]| {
        let [low, high] = effect(&base, arm, 0.5).unwrap().log_ratio.interval_95().unwrap();
        high - low
    };
    assert!(width(&arm) < width(&other) / 2.0);
}

#[test]
fn same_rounds_same_bits() {
    let both = || effect(&rounds(1.0), &rounds(1.1), 0.9).unwrap();
    assert_eq!(both().log_ratio, both().log_ratio);
    assert_eq!(both().difference_ms, both().difference_ms);
}

proptest! {
    #[test]
    fn a_pool_is_its_rounds_merged(
        rounds in prop::collection::vec((prop::collection::vec(1_u64..100_000_000, 1..200), 1_u32..4), 1..6),
        q in 0.0..0.999_f64,
    ) {
        let histograms: Vec<Histogram> = rounds.iter().map(|(values, _)| of(values)).collect();
        let weights: Vec<u32> = rounds.iter().map(|(_, weight)| *weight).collect();
        let mut merged = Histogram::new();
        for (histogram, weight) in histograms.iter().zip(&weights) {
            (0..*weight).for_each(|_| merged.merge(histogram));
        }
        let told = Pool::of(&histograms.iter().collect::<Vec<_>>()).quantile_ns(q, &weights);
        prop_assert_eq!(Some(told), merged.block_quantile_ns(q));
    }
}

/// The relative standard deviation of standard errors over orders of the same units, since each order is resampled
/// differently.
fn off(units: u64, requests: u64, body: f64, q: f64) -> f64 {
    use rand::seq::SliceRandom;
    let mut rng = ChaCha8Rng::seed_from_u64(units + requests);
    let mut normal = move || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let mut unit = || {
        let life = 0.1 * body * normal();
        (0..requests).map(|_| (2e6 * (body * normal() + life).exp()) as u64).collect::<Vec<_>>()
    };
    let mut pairs: Vec<[Histogram; 2]> = (0..units).map(|_| [of(&unit()), of(&unit())]).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let errors: Vec<f64> = (0..30)
        .map(|_| {
            pairs.shuffle(&mut rng);
            let borrowed: Vec<_> = pairs.iter().map(|[base, arm]| [Cow::Borrowed(base), Cow::Borrowed(arm)]).collect();
            Pools::of(&borrowed).quantile(q).unwrap().log_ratio.resolvable(0.05).unwrap()
        })
        .collect();
    crate::interval::stddev(&errors).unwrap() / crate::interval::mean(&errors).unwrap()
}

#[test]
fn standard_errors_are_those_of_endless_draws_where_units_are_few_and_buckets_coarse() {
    // Requests vary by 25 %, where buckets are fine, or by about the width of a bucket (about 0.05 %) or less.
    for (body, q) in [(0.25, 0.5), (0.01, 0.5), (0.01, 0.9), (0.002, 0.5)] {
        let off = off(10, 100, body, q);
        assert!(off < 0.04, "{body}, {q}: {off}");
    }
}
