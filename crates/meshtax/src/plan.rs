use std::time::Duration;

use load::Connection;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::experiment::Experiment;

/// What will be done, in order: written to `plan.json` before anything starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Arms, the baseline first.
    pub arms: Vec<String>,
    /// Requests per arm before the rounds.
    pub warmup_requests: u64,
    /// Requests with which every block begins, outside all figures.
    pub settling_requests: u64,
    /// Idle windows, all stand-ups together.
    pub idle_windows: u32,
    /// Length of each, in milliseconds.
    pub idle_window_ms: u64,
    /// Rounds; with `until`, as many as there may be.
    pub rounds: Vec<Round>,
    /// Rounds after which the lab stands up anew; none if it stands up once.
    pub rounds_per_stand: Option<u32>,
}

/// One block of every arm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Round {
    /// Names of the arms, in the order in which they are put under load.
    pub order: Vec<String>,
    /// Requests of each block.
    pub requests: u64,
}

/// Draws up the plan: requests spread evenly over the rounds, arms in random order within each.
pub fn plan(experiment: &Experiment) -> Plan {
    let arms: Vec<String> = experiment.standing().into_iter().map(|arm| arm.name).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(experiment.seed);
    let rounds = (0..experiment.most_rounds()).map(|number| {
        let mut order = arms.clone();
        order.shuffle(&mut rng);
        // Rounds beyond those asked for are like the first ones.
        Round { order, requests: share(experiment.load.requests, experiment.rounds, number % experiment.rounds) }
    });
    Plan {
        rounds: rounds.collect(),
        rounds_per_stand: experiment.rounds_per_stand(),
        warmup_requests: experiment.warmup,
        settling_requests: settling_requests(experiment),
        idle_windows: windows_per_stand(experiment) * experiment.stands,
        idle_window_ms: u64::try_from(experiment.idle.1.as_millis()).unwrap_or(u64::MAX),
        arms,
    }
}

/// Where connections are kept, a block is to find one that works; where the kernel witness comes and goes between blocks, what
/// attaching it and reading it leave behind is no part of what it costs to be watched.
fn settling_requests(experiment: &Experiment) -> u64 {
    let is_needed =
        experiment.load.connection == Connection::Keep || experiment.arms.iter().any(|arm| arm.watched);
    if is_needed { SETTLING } else { 0 }
}

/// Idle windows of each stand-up of the lab.
pub fn windows_per_stand(experiment: &Experiment) -> u32 {
    experiment.idle.0.div_ceil(experiment.stands)
}

/// The part of `total` that falls to one of `parts`; parts differ by one at most.
fn share(total: u64, parts: u32, number: u32) -> u64 {
    let (parts, number) = (u64::from(parts), u64::from(number));
    total / parts + u64::from(number < total % parts)
}

impl Plan {
    /// The rounds of each stand-up of the lab, with their numbers.
    pub fn stands(&self) -> impl Iterator<Item = Vec<(u32, &Round)>> {
        let numbered: Vec<(u32, &Round)> = (0..).zip(&self.rounds).collect();
        let length = self.rounds_per_stand.map_or(numbered.len(), |rounds| rounds as usize);
        numbered.chunks(length.max(1)).map(<[_]>::to_vec).collect::<Vec<_>>().into_iter()
    }

    /// A guess at the length of the run, from a guess at what a request takes.
    pub fn length(&self, experiment: &Experiment) -> Duration {
        let load = &experiment.load;
        let request = (load.think + load.round_trip * 2 + REQUEST_GUESS).max(load.pace);
        let stands = experiment.stands;
        let before = self.warmup_requests * u64::from(stands) + self.settling_requests * self.rounds.len() as u64;
        let requests = before + experiment.load.requests;
        let load = request * u32::try_from(requests * self.arms.len() as u64).unwrap_or(u32::MAX);
        let faults: Duration = experiment.faults.iter().map(|fault| fault.at + fault.lasting).sum();
        let faults = faults * u32::try_from(experiment.arms.len()).unwrap_or(u32::MAX);
        STAND_GUESS * stands + experiment.idle.1 * self.idle_windows + load + faults
    }
}

/// Enough for connections, caches and cores to be as they are under load.
const SETTLING: u64 = 5;
const REQUEST_GUESS: Duration = Duration::from_millis(5);
const STAND_GUESS: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_add_up_and_differ_by_one_at_most() {
        for (total, parts) in [(23, 5), (5, 5), (1500, 7), (1, 1)] {
            let shares: Vec<u64> = (0..parts).map(|number| share(total, parts, number)).collect();
            assert_eq!(shares.iter().sum::<u64>(), total);
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }
}
