use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use experiment::Plan;

use super::progress::spoken;

/// How fast the blocks of a run pass, for whoever waits.
#[derive(Debug, Default)]
pub struct Pace {
    started: Option<Instant>,
    done: usize,
    /// Mean latencies of the blocks so far, in nanoseconds, by arm. Kept beside the blocks because a histogram's mean walks
    /// all its buckets.
    means_ns: BTreeMap<String, Vec<f64>>,
}

impl Pace {
    /// Blocks begin now, unless some have begun before.
    pub fn begin(&mut self) {
        self.started.get_or_insert_with(Instant::now);
    }

    /// A block of an arm is done; its mean latency is none where no request succeeded.
    pub fn add(&mut self, arm: &str, mean_ns: Option<f64>) {
        self.means_ns.entry(arm.to_owned()).or_default().extend(mean_ns);
        self.done += 1;
    }

    /// What to tell as a block of this round and arm begins.
    pub fn line(&self, plan: &Plan, round: u32, arm: &str) -> String {
        let left = self.left(plan).map_or("some time".to_owned(), spoken);
        let so_far = |arm: &String| {
            let of_blocks = self.means_ns.get(arm).filter(|of_blocks| !of_blocks.is_empty())?;
            Some(format!("{arm} {:.2} ms", of_blocks.iter().sum::<f64>() / of_blocks.len() as f64 / 1e6))
        };
        let means: Vec<String> = plan.arms.iter().filter_map(so_far).collect();
        format!("round {}/{}, arm {arm}, {left} left  {}", round + 1, plan.rounds.len(), means.join(" · "))
    }

    /// How long the rest will take if it goes on like this.
    fn left(&self, plan: &Plan) -> Option<Duration> {
        let total = plan.rounds.len() * plan.arms.len();
        let per_block = |started: Instant| started.elapsed().div_f64(self.done as f64);
        self.started.filter(|_| self.done > 0).map(|started| per_block(started).mul_f64((total - self.done) as f64))
    }
}
