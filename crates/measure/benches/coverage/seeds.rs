//! Runs experiments by their seeds, on all cores.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// The results of `experiment` for each seed below `seeds`, in their order.
pub fn each<T: Send>(seeds: u64, experiment: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(0);
    let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds);
    let work = || std::iter::from_fn(take).map(|seed| (seed, experiment(seed))).collect::<Vec<_>>();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut told: Vec<(u64, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("experiments do not panic")).collect()
    });
    told.sort_by_key(|(seed, _)| *seed);
    told.into_iter().map(|(_, told)| told).collect()
}
