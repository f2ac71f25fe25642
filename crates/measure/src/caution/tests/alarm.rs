//! How often statistical guards raise a false alarm: `cargo test -p measure alarm -- --nocapture` prints the rates.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::clean::{arm, histogram, latencies, normal, service};
use crate::caution::{Caution, LEVEL, Run, Witnessed, mix, modes, nagle, sequence, trend};
use crate::series::Seen;
use crate::{Arm, Histogram, LoadBlock, Observations};

const BLOCKS: u32 = 12;
const REQUESTS: usize = 100;

/// Runs in which the guard spoke: at most as many as its level allows, and three standard deviations more.
#[expect(clippy::print_stdout, reason = "the rates themselves are of interest")]
fn check(guard: &str, runs: u32, mut is_alarm: impl FnMut(&mut ChaCha8Rng) -> bool) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let alarms = (0..runs).filter(|_| is_alarm(&mut rng)).count() as f64;
    let mean = LEVEL * f64::from(runs);
    println!(
        "{guard:<16} {:.2} % of {runs} clean runs, level {:.0} %",
        alarms / f64::from(runs) * 100.0,
        LEVEL * 100.0
    );
    assert!(alarms <= mean + 3.0 * mean.sqrt(), "`{guard}` spoke in {alarms} of {runs}");
}

/// A clean run of two arms: blocks hold sequences, and `latency` makes what an arm's blocks are together.
fn speaks(
    guard: fn(&Run) -> Vec<Caution>,
    rng: &mut ChaCha8Rng,
    rounds: u32,
    latency: impl Fn(&mut ChaCha8Rng) -> Histogram,
) -> bool {
    let mut observations = Observations { arms: vec!["a".into(), "b".into()], ..Default::default() };
    for (round, arm) in (0..rounds).flat_map(|round| [(round, "a"), (round, "b")]) {
        let sequence = latencies(rng, REQUESTS);
        observations.load.push(LoadBlock { arm: arm.into(), round, sequence, ..Default::default() });
    }
    let arms = ["a", "b"].map(|name| witnessed(&observations, name, latency(rng), None)).into();
    let run = Run { observations: &observations, effects: &[], arms };
    !guard(&run).is_empty()
}

/// Not by [`Witnessed::of`], which would put empty histograms together for a long time.
fn witnessed<'a>(
    observations: &'a Observations,
    name: &'a str,
    latency: Histogram,
    told: Option<&'a Arm>,
) -> Witnessed<'a> {
    let blocks = observations.load.iter().filter(|block| block.arm == name).collect();
    Witnessed { name, seen: Seen::of(observations, name), blocks, loaded: Vec::new(), latency, told }
}

#[test]
fn alarms_of_sequences() {
    let none = |_: &mut ChaCha8Rng| Histogram::new();
    check("not_stationary", 200, |rng| speaks(sequence::not_stationary, rng, BLOCKS, none));
    check("autocorrelated", 200, |rng| speaks(sequence::autocorrelated, rng, BLOCKS, none));
}

#[test]
fn alarms_of_shapes() {
    let one_group = |rng: &mut ChaCha8Rng| histogram(latencies(rng, 1500));
    check("bimodal", 100, |rng| speaks(modes::modes, rng, 0, one_group));
    // The worst case of the test: a uniform distribution.
    let uniform = |rng: &mut ChaCha8Rng| histogram((0..1500).map(|_| rng.random_range(10_000_000..50_000_000)));
    check("bimodal, uniform", 100, |rng| speaks(modes::modes, rng, 0, uniform));
    let about_40_ms =
        |rng: &mut ChaCha8Rng| histogram(latencies(rng, 1500).into_iter().map(|latency_ns| latency_ns * 4));
    check("nagle, at 40 ms", 100, |rng| speaks(nagle::nagle, rng, 0, about_40_ms));
}

/// Drift of two arms, drift of an effect and growing memory are one test on different values.
#[test]
fn alarms_of_trends() {
    for rounds in [10, 30] {
        check(&format!("drift, {rounds} rounds"), 4000, |rng| {
            let arms = [0, 1].map(|_| (0..rounds).map(|_| (0.1 * normal(rng)).exp()).collect::<Vec<_>>());
            arms.iter().any(|values| trend::certain_change(values, LEVEL / 2.0).is_some())
        });
    }
}

/// Calls that are made by chance, and instances that are chosen by chance.
#[test]
fn alarms_of_mixes() {
    let load = |arm: &str| LoadBlock { arm: arm.into(), requests: 1500, ..Default::default() };
    let observations =
        Observations { arms: vec!["a".into(), "b".into()], load: vec![load("a"), load("b")], ..Default::default() };
    check("request_mix", 500, |rng| {
        let arms = ["a", "b"].map(|name| by_chance(rng, name));
        let told = arms.iter().map(|arm| witnessed(&observations, &arm.name, Histogram::new(), Some(arm)));
        let run = Run { observations: &observations, effects: &[], arms: told.collect() };
        !mix::request_mix(&run).is_empty()
    });
}

fn by_chance(rng: &mut ChaCha8Rng, name: &str) -> Arm {
    let mut requests = [0; 3];
    (0..1500).for_each(|_| requests[rng.random_range(0..3)] += 1);
    let rare = (0..1500).filter(|_| rng.random_bool(0.3)).count() as u64;
    let pods = requests.into_iter().zip(["back-v1", "back-v2", "back-v3"]);
    let mut services: Vec<_> = pods.map(|(requests, pod)| service("back", pod, requests)).collect();
    services.push(service("rare", "rare-v1", rare));
    Arm { services, ..arm(name) }
}
