mod order;

use std::time::Duration;

use measure::{ConnectionUse, Stands};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use self::order::orders;
use crate::demand;
use crate::experiment::{Arm, Experiment};

/// Everything that a run will do, in order: written to `plan.json` before anything starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Arms, the baseline first.
    pub arms: Vec<String>,
    /// Requests per arm before the rounds.
    pub warmup_requests: u64,
    /// The order in which arms are warmed up, for each stand-up. The last one still holds what the kernel lends to
    /// control groups per core, up to 64 pages, so no arm may always be last.
    pub warmup_orders: Vec<Vec<String>>,
    /// Requests at the start of every block, outside all figures.
    pub settling_requests: u64,
    /// Idle windows before the first request, all stand-ups together. There are as many again after the warm-up.
    pub idle_windows: u32,
    /// Length of each idle window, in milliseconds.
    pub idle_window_ms: u64,
    /// The rounds; with `until`, the most that there may be.
    pub rounds: Vec<Round>,
    /// How rounds are spread over stand-ups; `None` with one stand-up.
    pub stands: Option<Stands>,
}

/// One block of every arm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Round {
    /// Names of the arms, in the order in which they are put under load.
    pub order: Vec<String>,
    /// Number of requests of each block.
    pub requests: u64,
}

/// Makes the plan: requests are spread evenly over the rounds, and arms are in random and balanced order.
pub fn plan(experiment: &Experiment) -> Plan {
    let arms: Vec<String> = experiment.standing().into_iter().map(|arm| arm.name).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(experiment.seed);
    let rounds = (0..experiment.most_rounds()).zip(orders(&arms, &mut rng)).map(|(number, order)| {
        // Rounds beyond those asked for repeat the first ones.
        Round { order, requests: share(experiment.requests, experiment.rounds, number % experiment.rounds) }
    });
    let rounds: Vec<Round> = rounds.collect();
    let stands = experiment.spread();
    let last = stands.zip(u32::try_from(rounds.len()).ok()).map_or(0, |(stands, rounds)| stands.of_round(rounds - 1));
    Plan {
        rounds,
        stands,
        warmup_requests: experiment.warmup,
        warmup_orders: orders(&arms, &mut rng).take(last as usize + 1).collect(),
        settling_requests: settling_requests(experiment),
        idle_windows: experiment.windows_per_stand() * experiment.stand_ups(),
        idle_window_ms: u64::try_from(experiment.idle.1.as_millis()).unwrap_or(u64::MAX),
        arms,
    }
}

/// The number of requests at the start of a block that settle it. A block with kept connections must find one that
/// works. And if the kernel witness is attached between blocks, the cost of attaching and reading it must not count as
/// the cost of watching.
fn settling_requests(experiment: &Experiment) -> u64 {
    let is_needed = experiment.load.connection == ConnectionUse::Keep || experiment.arms.iter().any(|arm| arm.watched);
    if is_needed { SETTLING } else { 0 }
}

/// The share of one part in `total`. Parts differ by one at most.
fn share(total: u64, parts: u32, number: u32) -> u64 {
    let (parts, number) = (u64::from(parts), u64::from(number));
    total / parts + u64::from(number < total % parts)
}

impl Plan {
    /// The rounds of each stand-up of the lab, with their numbers.
    pub fn by_stand(&self) -> Vec<Vec<(u32, &Round)>> {
        let numbered: Vec<(u32, &Round)> = (0..).zip(&self.rounds).collect();
        let stand = |number: u32| self.stands.map_or(0, |stands| stands.of_round(number));
        numbered.chunk_by(|(left, _), (right, _)| stand(*left) == stand(*right)).map(<[_]>::to_vec).collect()
    }

    /// Estimates the duration of the run, from estimates for a stand-up and a request.
    pub fn length(&self, experiment: &Experiment) -> Duration {
        let stands = experiment.stand_ups();
        let before = self.warmup_requests * u64::from(stands) + self.settling_requests * self.rounds.len() as u64;
        let load = experiment.load.of(before + experiment.requests);
        let of_arm = |arm: &Arm| load.expected(demand::request(experiment, arm));
        let loads = experiment.standing().iter().map(of_arm).fold(Duration::ZERO, Duration::saturating_add);
        let faults: Duration = experiment.faults.iter().map(|fault| fault.at + fault.lasting).sum();
        let faults = faults * u32::try_from(experiment.arms.len()).unwrap_or(u32::MAX);
        let phases = if self.warmup_requests > 0 { 2 } else { 1 };
        let idle = experiment.idle.1.saturating_mul(self.idle_windows).saturating_mul(phases);
        let parts = [demand::stand_up(experiment).saturating_mul(stands), idle, loads, faults];
        parts.into_iter().fold(Duration::ZERO, Duration::saturating_add)
    }
}

/// Number of requests after which connections, caches and cores are as under load.
const SETTLING: u64 = 5;

#[cfg(test)]
mod tests;
