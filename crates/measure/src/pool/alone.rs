use super::{DRAWS, NS_PER_MS, Pool, error, for_each_draw, within_bucket};
use crate::estimate::Estimate;
use crate::{Histogram, samples_needed};

/// A quantile of one arm by itself.
pub(crate) struct Quantile {
    /// The logarithm of the quantile in milliseconds.
    pub(crate) log: Estimate,
    /// The quantile in milliseconds.
    pub(crate) ms: Estimate,
}

/// The `q` quantile of all rounds together, with standard errors from resampled rounds as in
/// [`Pools::quantile`](super::Pools::quantile); `None` with fewer samples than [`samples_needed`].
pub(crate) fn alone(rounds: &[&Histogram], q: f64) -> Option<Quantile> {
    let pool = Pool::of(rounds);
    if pool.count() < samples_needed(q) {
        return None;
    }
    let ns = pool.quantile_ns(q, &vec![1; rounds.len()]);
    let (mut logs, mut values) = (Vec::with_capacity(DRAWS), Vec::with_capacity(DRAWS));
    for_each_draw(rounds.len(), |weights, places| {
        let ns = within_bucket(pool.quantile_ns(q, weights), places[0]);
        logs.push(ns.ln());
        values.push(ns);
    });
    let (log, value) = (error(logs, rounds.len()), error(values, rounds.len()));
    Some(Quantile {
        log: Estimate::new((ns / NS_PER_MS).ln(), log, rounds.len()),
        ms: Estimate::new(ns, value, rounds.len()).times(1.0 / NS_PER_MS),
    })
}
