use std::ops::RangeInclusive;

use crate::Histogram;

/// How far a mode lies above another if its requests wait for a delayed acknowledgement, in bins of a millisecond: 40 ms at
/// the earliest (`TCP_DELACK_MIN`), of which what is done meanwhile may hide a little, and timers add the rest.
const APART: RangeInclusive<usize> = 38..=47;

/// Latencies beyond so many milliseconds are not looked at.
const BINS: usize = 500;

/// Standard deviation of the smoothing, in milliseconds: narrow beside the distance, wide beside what is within a mode.
const SMOOTHING: f64 = 2.5;

/// A mode reaches at least this far to either side, in milliseconds.
const REACH: usize = 6;

/// Modes must be so many times as dense as the valley between them, …
const DEPTH: f64 = 3.0;
/// … hold this share of the samples within their reach …
const SHARE_MIN: f64 = 0.01;
/// … and so many of them: 20 there and fewer than seven in the valley are no chance.
const COUNT_MIN: f64 = 20.0;

/// The share of samples in a mode about 40 ms above another, and where both lie in milliseconds.
///
/// The density is Gaussian smoothing (Silverman, "Using kernel density estimates to investigate multimodality", Journal of
/// the Royal Statistical Society B 43 (1981)). Of several such pairs the one with most samples above is told.
pub(super) fn delayed(latency: &Histogram) -> Option<(f64, [f64; 2])> {
    let counts = counts(latency);
    let total = latency.count() as f64;
    let near = |place: usize| counts[place.saturating_sub(REACH)..(place + REACH + 1).min(BINS)].iter().sum::<f64>();
    let density = smoothed(&counts);
    let is_top = |place: usize| {
        let (below, above) =
            (&density[place.saturating_sub(REACH)..place], &density[place + 1..(place + REACH + 1).min(BINS)]);
        below.iter().all(|other| *other < density[place]) && above.iter().all(|other| *other <= density[place])
    };
    let is_mode = |place: &usize| is_top(*place) && near(*place) >= COUNT_MIN && near(*place) >= SHARE_MIN * total;
    let modes: Vec<usize> = (0..BINS).filter(is_mode).collect();
    let above = |low: usize| modes.iter().copied().filter(move |high| APART.contains(&high.saturating_sub(low)));
    let pairs = modes.iter().flat_map(|low| above(*low).map(|high| (*low, high)));
    let parted = pairs.filter_map(|(low, high)| {
        let (valley, depth) = lowest(&density, low, high);
        let is_deep = depth * DEPTH < density[low].min(density[high]);
        let beyond = (2 * high - valley).min(BINS);
        is_deep.then(|| (counts[valley..beyond].iter().sum::<f64>(), low, high))
    });
    let (count, low, high) = parted.max_by(|left, right| left.0.total_cmp(&right.0))?;
    Some((count / total, [low as f64 + 0.5, high as f64 + 0.5]))
}

/// Samples by millisecond.
fn counts(latency: &Histogram) -> Vec<f64> {
    let mut counts = vec![0.0; BINS];
    for (value_ns, count) in latency.recorded() {
        if let Some(bin) = counts.get_mut((value_ns / 1_000_000) as usize) {
            *bin += count as f64;
        }
    }
    counts
}

fn smoothed(counts: &[f64]) -> Vec<f64> {
    let far = (4.0 * SMOOTHING) as usize;
    let weights: Vec<f64> = (0..=far).map(|bins| (-0.5 * (bins as f64 / SMOOTHING).powi(2)).exp()).collect();
    let mut density = vec![0.0; counts.len()];
    for (place, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0.0) {
        for other in place.saturating_sub(far)..(place + far + 1).min(counts.len()) {
            density[other] += count * weights[place.abs_diff(other)];
        }
    }
    density
}

/// The lowest place between two, and how low it is.
fn lowest(density: &[f64], low: usize, high: usize) -> (usize, f64) {
    let between = (low..high).map(|place| (place, density[place]));
    between.min_by(|left, right| left.1.total_cmp(&right.1)).expect("modes lie apart")
}
