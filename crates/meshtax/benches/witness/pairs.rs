//! Blocks of every arm, each with a block of the baseline beside it. Other activity on the machine, such as a neighbour
//! on the same core, lasts about a second, so it affects both.

use std::time::Duration;

use measure::{Effect, Histogram, Metric, Options};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::monitor::{Arm, Monitor};
use crate::table::{self, MARGIN, Row};
use crate::{Amounts, SEED, Trial, observed};

/// The arms that are compared with the baseline.
const ARMS: [Arm; 5] = [Arm::Empty, Arm::Witness, Arm::Agent, Arm::Tcptop, Arm::Null];

/// These blocks are shorter than those that measure latency, so there are more of them.
const ROUNDS_TO_EACH: u32 = 12;
pub const BLOCK: Duration = Duration::from_millis(100);
pub const SETTLING: Duration = Duration::from_millis(20);

/// Two blocks, one after the other.
pub struct Pair<B> {
    arm: Arm,
    round: u32,
    pub alone: B,
    watched: B,
}

/// Runs blocks in pairs. Attaching is over before a block begins, and no monitor is read during it: an agent is read
/// every fifteen seconds, which is measured separately.
pub fn paired<B>(trial: &Trial<'_>, mut block: impl FnMut() -> B) -> Vec<Pair<B>> {
    let mut chance = ChaCha8Rng::seed_from_u64(SEED);
    let mut monitors = trial.load(&ARMS);
    let mut pairs = Vec::new();
    for round in 0..ROUNDS_TO_EACH * trial.rounds {
        monitors.shuffle(&mut chance);
        for (arm, monitor) in &mut monitors {
            let first = chance.random::<bool>().then(&mut block);
            let watched = under(monitor, &mut block);
            let alone = first.unwrap_or_else(&mut block);
            pairs.push(Pair { arm: *arm, round, alone, watched });
        }
    }
    for (arm, monitor) in &monitors {
        let sees = !matches!(arm, Arm::Empty | Arm::Null);
        assert!(!sees || monitor.read() > 0, "{arm:?} has seen nothing");
    }
    pairs
}

/// Prints the heading of the lines.
pub fn head<B>(pairs: &[Pair<B>]) {
    let rounds = pairs.last().map_or(0, |pair| pair.round + 1);
    println!("{rounds} pairs of blocks of {} ms for every arm, 95 % intervals", BLOCK.as_millis());
}

fn under<B>(monitor: &mut Monitor, block: impl FnOnce() -> B) -> B {
    monitor.attach();
    let watched = block();
    monitor.detach();
    watched
}

/// Prints a line for every arm: how much more CPU time a request takes. Returns the goals that were missed.
pub fn print<B>(
    pairs: &[Pair<B>],
    name: &'static str,
    goal: Option<f64>,
    cost: impl Fn(&B) -> (u64, f64),
) -> Vec<String> {
    let takes_part = |arm: &Arm| pairs.iter().any(|pair| pair.arm == *arm);
    let effects: Vec<Effect> =
        ARMS.into_iter().filter(takes_part).filter_map(|arm| effect(pairs, arm, &cost)).collect();
    table::print_effects(effects.iter(), &[Row { metric: Metric::CpuMsPerRequest, name, goal }])
}

fn effect<B>(pairs: &[Pair<B>], arm: Arm, cost: impl Fn(&B) -> (u64, f64)) -> Option<Effect> {
    let amounts = |arm, round, block: &B| {
        let (requests, cpu_s) = cost(block);
        Amounts { arm, round, requests, latency: Histogram::new(), cpu_s }
    };
    let of_arm = pairs.iter().filter(|pair| pair.arm == arm);
    let both =
        of_arm.flat_map(|pair| [amounts(Arm::None, pair.round, &pair.alone), amounts(arm, pair.round, &pair.watched)]);
    let measured = measure::measure(
        &observed(&[Arm::None, arm], both.collect()),
        &Options { margin: MARGIN, ..Options::default() },
    );
    let null = measured.null.into_iter().flat_map(|null| null.effects);
    let mut effects = measured.effects.into_iter().chain(null);
    effects.find(|effect| effect.metric == Metric::CpuMsPerRequest.name())
}
