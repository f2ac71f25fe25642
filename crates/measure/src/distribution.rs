use std::collections::BTreeMap;

use crate::series::ArmObservations;
use crate::{Histogram, Observations};

const NS_PER_S: f64 = 1e9;

/// The ratio of a bucket's end to its start: narrow enough to see two modes, wide enough for a chart.
const BUCKET_GROWTH: f64 = 1.05;

/// The quantiles that other tools show.
const QUANTILES: [f64; 6] = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999];

/// All latencies of one arm together, in seconds, for tools that draw one histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Time under load, in seconds.
    pub wall_s: f64,
    /// Failed requests by kind. No bucket includes their times.
    pub errors: BTreeMap<String, u64>,
    /// Answered requests.
    pub count: u64,
    /// Shortest latency; zero without requests.
    pub min_s: f64,
    /// Longest latency; zero without requests.
    pub max_s: f64,
    /// Mean latency; zero without requests.
    pub mean_s: f64,
    /// Standard deviation over requests (divisor n); zero without requests.
    pub stddev_s: f64,
    /// Buckets that hold requests, in ascending order.
    pub buckets: Vec<Bucket>,
    /// Quantiles for which there are enough requests: the share of requests, and its longest latency in seconds.
    pub quantiles: Vec<(f64, f64)>,
}

/// Requests with a latency above `start_s` and up to `end_s`. The first bucket includes its start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Start, in seconds.
    pub start_s: f64,
    /// End, in seconds.
    pub end_s: f64,
    /// Number of requests.
    pub count: u64,
}

/// The distribution of an arm's latencies; empty for an arm without requests.
pub fn distribution(observations: &Observations, arm: &str) -> Distribution {
    let seen = ArmObservations::of(observations, arm);
    let latency = seen.latency();
    let values: Vec<(f64, u64)> = latency.recorded().map(|(ns, count)| (ns as f64 / NS_PER_S, count)).collect();
    let (Some((min_s, _)), Some((max_s, _)), Some(mean_ns)) = (values.first(), values.last(), latency.mean_ns()) else {
        return Distribution { wall_s: wall_s(observations, arm), errors: owned(&seen), ..Distribution::default() };
    };
    let mean_s = mean_ns / NS_PER_S;
    let squares: f64 = values.iter().map(|(value, count)| (value - mean_s).powi(2) * *count as f64).sum();
    Distribution {
        wall_s: wall_s(observations, arm),
        errors: owned(&seen),
        count: latency.count(),
        min_s: *min_s,
        max_s: *max_s,
        mean_s,
        stddev_s: (squares / latency.count() as f64).sqrt(),
        buckets: buckets(&values, *min_s, *max_s),
        quantiles: quantiles(&latency),
    }
}

fn wall_s(observations: &Observations, arm: &str) -> f64 {
    observations
        .load
        .iter()
        .filter(|block| block.arm == arm)
        .map(|block| block.samples.wall_s)
        .fold(0.0, |sum, wall| sum + wall)
}

fn owned(seen: &ArmObservations) -> BTreeMap<String, u64> {
    seen.errors().into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect()
}

fn buckets(values: &[(f64, u64)], min_s: f64, max_s: f64) -> Vec<Bucket> {
    let mut counts: BTreeMap<i32, u64> = BTreeMap::new();
    for (value, count) in values {
        // The shortest latency belongs to the first bucket, and rounding puts no value into a later one.
        let number = ((value / min_s).ln() / BUCKET_GROWTH.ln()).ceil().max(1.0) as i32;
        *counts.entry(number).or_default() += count;
    }
    let edge = |number: i32| (min_s * BUCKET_GROWTH.powi(number)).min(max_s);
    counts.into_iter().map(|(number, count)| Bucket { start_s: edge(number - 1), end_s: edge(number), count }).collect()
}

fn quantiles(latency: &Histogram) -> Vec<(f64, f64)> {
    QUANTILES.into_iter().filter_map(|q| Some((q, latency.quantile_ns(q)? / NS_PER_S))).collect()
}

#[cfg(test)]
mod tests;
