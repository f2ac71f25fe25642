//! Two runs against each other, whose rounds are not paired.

use measure::{
    Comparison, Effect, Ended, Environment, Measured, Measurement, MemorySource, Metric, Observations, Options, SCHEMA,
    Subject, Verdict, compare, measure,
};

use crate::machine::{Machine, Truth};
use crate::{LATENCIES, MARGIN};

const PAIRS: u64 = 1_000;

/// What a pair of runs is made of.
struct Pair {
    machine: fn(u64) -> Machine,
    rounds: [u32; 2],
    /// What the arm does in B; in A it does nothing.
    truth: Truth,
}

/// Which effects of a comparison are held to the truth.
#[derive(Clone, Copy)]
enum Of {
    Arms,
    Overheads,
}

pub fn runs() {
    let slower = Truth { factor: 1.05, added_ns: 0.0 };
    for rounds in [[10, 10], [30, 30], [10, 30]] {
        let steady = Pair { machine: Machine::steady, rounds, truth: slower };
        assert_covered("arms on steady machines", &steady, Of::Arms);
        let drifting = Pair { machine: Machine::of, rounds, truth: slower };
        assert_covered("overheads on drifting machines", &drifting, Of::Overheads);
        // Nothing within a run tells that its blocks wandered together; hence the caution of every comparison.
        tell("arms on drifting machines", &drifting, &coverage(&drifting, Of::Arms));
    }
    for rounds in [[10, 10], [30, 30]] {
        wrong(rounds);
    }
}

fn assert_covered(what: &str, pair: &Pair, of: Of) {
    let shares = coverage(pair, of);
    tell(what, pair, &shares);
    assert!(shares.iter().all(|share| (0.925..=0.975).contains(share)), "{shares:?} of the intervals hold the truth");
}

fn tell(what: &str, pair: &Pair, shares: &[f64]) {
    for (metric, share) in LATENCIES.into_iter().zip(shares) {
        println!(
            "{} against {} rounds, {what}, {}: {:<16} {:.1} % hold the truth",
            pair.rounds[1],
            pair.rounds[0],
            pair.truth,
            metric.name(),
            share * 100.0
        );
    }
}

/// Share of the intervals that hold the truth, metric by metric.
fn coverage(pair: &Pair, of: Of) -> Vec<f64> {
    let mut held = [0; LATENCIES.len()];
    for seed in 0..PAIRS {
        let comparison = comparison(pair, seed);
        for (held, metric) in held.iter_mut().zip(LATENCIES) {
            let [low, high] = effect(&comparison, of, metric).ratio_ci95.expect("ten rounds have an interval");
            *held += u64::from(low <= pair.truth.factor && pair.truth.factor <= high);
        }
    }
    held.map(|held| held as f64 / PAIRS as f64).into()
}

/// At the margin's edge nothing is equivalent; where nothing differs, nothing costs or saves.
fn wrong(rounds: [u32; 2]) {
    let edge = Truth { factor: 1.0 + MARGIN, added_ns: 0.0 };
    for (what, truth, wrong) in [
        ("called equivalent at the margin", edge, Verdict::NoMeasurableCost),
        ("said to cost what costs nothing", Truth::NOTHING, Verdict::Costs),
        ("said to save what saves nothing", Truth::NOTHING, Verdict::Saves),
    ] {
        let pair = Pair { machine: Machine::steady, rounds, truth };
        let errs = |seed: &u64| {
            let effects = comparison(&pair, *seed).effects;
            effects.iter().any(|effect| effect.arm == "mesh" && effect.verdict == Some(wrong))
        };
        let share = (0..PAIRS).filter(errs).count() as f64 / PAIRS as f64;
        println!("{} against {} rounds: {:.1} % {what}", rounds[1], rounds[0], share * 100.0);
        assert!(share <= 0.055, "{share} {what}");
    }
}

fn comparison(pair: &Pair, seed: u64) -> Comparison {
    let a = (pair.machine)(2 * seed).run(pair.rounds[0], &Truth::NOTHING);
    let b = (pair.machine)(2 * seed + 1).run(pair.rounds[1], &pair.truth);
    let told = [&a, &b].map(measurement);
    let ended = |n: usize, observations| Ended { measurement: &told[n], observations };
    compare(&ended(0, &a), &ended(1, &b), Vec::new(), &Options { margin: MARGIN })
}

fn effect(comparison: &Comparison, of: Of, metric: Metric) -> &Effect {
    let effects = match of {
        Of::Arms => &comparison.effects,
        Of::Overheads => &comparison.overheads,
    };
    let wanted = |effect: &&Effect| effect.arm == "mesh" && effect.metric == metric.name();
    effects.iter().find(wanted).expect("every metric has an effect")
}

/// What a comparison asks of a run's measurement: its arms.
fn measurement(seen: &Observations) -> Measurement {
    let arms_only = Observations { arms: seen.arms.clone(), ..Observations::default() };
    let Measured { arms, .. } = measure(&arms_only, &Options::default());
    let word = String::new;
    let experiment = Subject {
        stands: None,
        name: word(),
        topology: word(),
        target: word(),
        rounds: 0,
        requests: 0,
        think_ms: 0.0,
        pace_ms: 0.0,
        round_trip_ms: 0.0,
        timeout_ms: None,
        connection: word(),
        seed: 0,
        complete: true,
    };
    let environment = Environment {
        meshtax: word(),
        envoy: None,
        kernel: word(),
        system: word(),
        processor: word(),
        cores: 1,
        memory_mib: 1,
        cgroups: word(),
        memory_source: MemorySource::Pss,
        started: word(),
    };
    Measurement {
        telemetry: Vec::new(),
        faults: Vec::new(),
        schema: SCHEMA.to_owned(),
        experiment,
        environment,
        arms,
        effects: Vec::new(),
        null: None,
        calibration: Vec::new(),
        truncated: None,
        cautions: Vec::new(),
    }
}
