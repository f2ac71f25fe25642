mod order;

use std::time::Duration;

use measure::{ConnectionUse, Stands};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use self::order::orders;
use crate::demand;
use crate::experiment::{Arm, Experiment};

/// What will be done, in order: written to `plan.json` before anything starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Arms, the baseline first.
    pub arms: Vec<String>,
    /// Requests per arm before the rounds.
    pub warmup_requests: u64,
    /// The order in which arms are warmed up, in each stand-up of the lab. Who comes last still holds what the kernel lends
    /// to control groups per core, up to 64 pages, so that no arm may always be last.
    pub warmup_orders: Vec<Vec<String>>,
    /// Requests with which every block begins, outside all figures.
    pub settling_requests: u64,
    /// Idle windows before the first request, all stand-ups together; after a warm-up there are as many again.
    pub idle_windows: u32,
    /// Length of each, in milliseconds.
    pub idle_window_ms: u64,
    /// Rounds; with `until`, as many as there may be.
    pub rounds: Vec<Round>,
    /// How they are spread over stand-ups of the lab; none if it stands up once.
    pub stands: Option<Stands>,
}

/// One block of every arm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Round {
    /// Names of the arms, in the order in which they are put under load.
    pub order: Vec<String>,
    /// Requests of each block.
    pub requests: u64,
}

/// Draws up the plan: requests spread evenly over the rounds, arms in random and balanced order.
pub fn plan(experiment: &Experiment) -> Plan {
    let arms: Vec<String> = experiment.standing().into_iter().map(|arm| arm.name).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(experiment.seed);
    let rounds = (0..experiment.most_rounds()).zip(orders(&arms, &mut rng)).map(|(number, order)| {
        // Rounds beyond those asked for are like the first ones.
        Round { order, requests: share(experiment.load.requests, experiment.rounds, number % experiment.rounds) }
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

/// Where connections are kept, a block is to find one that works; where the kernel witness comes and goes between blocks, what
/// attaching it and reading it leave behind is no part of what it costs to be watched.
fn settling_requests(experiment: &Experiment) -> u64 {
    let is_needed = experiment.load.connection == ConnectionUse::Keep || experiment.arms.iter().any(|arm| arm.watched);
    if is_needed { SETTLING } else { 0 }
}

/// The part of `total` that falls to one of `parts`; parts differ by one at most.
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

    /// A guess at the length of the run, from guesses at what a stand-up and a request take.
    pub fn length(&self, experiment: &Experiment) -> Duration {
        let load = &experiment.load;
        let stands = experiment.stand_ups();
        let before = self.warmup_requests * u64::from(stands) + self.settling_requests * self.rounds.len() as u64;
        let requests = u32::try_from(before + load.requests).unwrap_or(u32::MAX);
        let of_arm = |arm: &Arm| {
            let request =
                load.think.saturating_add(load.round_trip * 2).saturating_add(demand::request(experiment, arm));
            request.max(load.pace).saturating_mul(requests)
        };
        let loads = experiment.standing().iter().map(of_arm).fold(Duration::ZERO, Duration::saturating_add);
        let faults: Duration = experiment.faults.iter().map(|fault| fault.at + fault.lasting).sum();
        let faults = faults * u32::try_from(experiment.arms.len()).unwrap_or(u32::MAX);
        let phases = if self.warmup_requests > 0 { 2 } else { 1 };
        let idle = experiment.idle.1.saturating_mul(self.idle_windows).saturating_mul(phases);
        let parts = [demand::stand_up(experiment).saturating_mul(stands), idle, loads, faults];
        parts.into_iter().fold(Duration::ZERO, Duration::saturating_add)
    }
}

/// Enough for connections, caches and cores to be as they are under load.
const SETTLING: u64 = 5;

#[cfg(test)]
mod tests;
