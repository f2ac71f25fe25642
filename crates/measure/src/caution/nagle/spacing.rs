use std::ops::RangeInclusive;

use crate::Histogram;

/// The distance between two modes if the later one waits for a delayed acknowledgement, in milliseconds: 40 ms at the
/// earliest (`TCP_DELACK_MIN`). Work done meanwhile may hide a little of it, and timers add the rest.
const APART: RangeInclusive<usize> = 38..=47;

/// Latencies of this many milliseconds or more are ignored.
const BINS: usize = 500;

/// Standard deviation of the smoothing in milliseconds: small compared with the distance, large compared with the
/// spread within a mode.
const SMOOTHING: f64 = 2.5;

/// A mode extends at least this many milliseconds to either side.
const REACH: usize = 6;

/// Modes must be this many times as dense as the valley between them.
const DEPTH: f64 = 3.0;
/// A mode must hold this share of the samples within its reach.
const SHARE_MIN: f64 = 0.01;
/// A mode must hold this many samples: 20 there, with fewer than seven in the valley, are not chance.
const COUNT_MIN: f64 = 20.0;

/// The share of samples in a mode about 40 ms above another, and the positions of both modes in milliseconds.
///
/// The density is Gaussian smoothing (Silverman, "Using kernel density estimates to investigate multimodality", Journal of
/// the Royal Statistical Society B 43 (1981)). Of several such pairs, the one with most samples in its upper mode is
/// returned.
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

/// Number of samples per millisecond.
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

/// The position and depth of the valley between two modes.
fn lowest(density: &[f64], low: usize, high: usize) -> (usize, f64) {
    let between = (low..high).map(|place| (place, density[place]));
    between.min_by(|left, right| left.1.total_cmp(&right.1)).expect("modes lie apart")
}
