//! Compares two runs, whose rounds are not paired.

use measure::{
    Comparison, ConnectionUse, Effect, Ended, Environment, Measured, Measurement, MemorySource, Metric, Observations,
    Options, SCHEMA, Subject, Verdict, compare, measure,
};

use crate::claims::Claims;
use crate::machine::{Machine, Truth};
use crate::{MARGIN, METRICS, seeds};

const PAIRS: u64 = 1_000;

/// The composition of a pair of runs.
struct Pair {
    machine: fn(u64) -> Machine,
    rounds: [u32; 2],
    /// What the arm adds in B; in A it adds nothing.
    truth: Truth,
}

/// The effects of a comparison that are compared with the truth.
#[derive(Clone, Copy)]
enum Of {
    Arms,
    Overheads,
}

pub fn runs(claims: &mut Claims) {
    let slower = Truth { factor: 1.05, added_ns: 0.0 };
    for rounds in [[10, 10], [10, 30]] {
        let steady = Pair { machine: Machine::steady, rounds, truth: slower };
        let shares = coverage(&steady, &comparisons(&steady), Of::Arms);
        lines("arms on steady machines", &steady, shares).for_each(|(line, share)| hold(claims, line, share));
        let drifting = Pair { machine: Machine::of, rounds, truth: slower };
        let comparisons = comparisons(&drifting);
        let shares = coverage(&drifting, &comparisons, Of::Overheads);
        lines("overheads on drifting machines", &drifting, shares).for_each(|(line, share)| hold(claims, line, share));
        // Nothing within a run shows that its blocks drifted together, so every comparison has a caution.
        let shares = coverage(&drifting, &comparisons, Of::Arms);
        lines("arms on drifting machines", &drifting, shares).for_each(|(line, _)| println!("{line}"));
    }
    wrong(claims, [10, 10]);
}

/// There are half as many pairs as experiments of one run, so the share is less precise.
fn hold(claims: &mut Claims, line: String, share: f64) {
    claims.hold(line, (0.925..=0.975).contains(&share));
}

fn lines(what: &str, pair: &Pair, shares: Vec<f64>) -> impl Iterator<Item = (String, f64)> {
    let [a, b] = pair.rounds;
    let about = format!("{b} against {a} rounds, {what}, {}", pair.truth);
    let line = move |(metric, share): (Metric, f64)| {
        (format!("{about}: {:<18} {:.1} % hold the truth", metric.name(), share * 100.0), share)
    };
    METRICS.into_iter().zip(shares).map(line)
}

/// Share of the intervals that hold the truth, for each metric.
fn coverage(pair: &Pair, comparisons: &[Comparison], of: Of) -> Vec<f64> {
    let holds = |comparison: &&Comparison, metric| {
        let [low, high] = effect(comparison, of, metric).ratio_ci95.expect("ten rounds have an interval");
        low <= pair.truth.factor && pair.truth.factor <= high
    };
    let held = |metric| comparisons.iter().filter(|comparison| holds(comparison, metric)).count();
    METRICS.map(|metric| held(metric) as f64 / comparisons.len() as f64).into()
}

/// At the edges of the margin nothing is equivalent. If nothing differs, nothing costs or saves.
fn wrong(claims: &mut Claims, rounds: [u32; 2]) {
    let by = |factor| Truth { factor, added_ns: 0.0 };
    let equivalent = ("called equivalent at the margin", Verdict::NoMeasurableCost);
    let costs = ("said to cost what costs nothing", Verdict::Costs);
    for (truth, wrong) in [
        (by(1.0 + MARGIN), &[equivalent][..]),
        (by(1.0 / (1.0 + MARGIN)), &[equivalent]),
        (Truth::NOTHING, &[costs, ("said to save what saves nothing", Verdict::Saves)]),
    ] {
        let comparisons = comparisons(&Pair { machine: Machine::steady, rounds, truth });
        for (what, wrong) in wrong {
            let errs = |effect: &Effect| effect.arm == "mesh" && effect.verdict == Some(*wrong);
            let erring = comparisons.iter().filter(|comparison| comparison.effects.iter().any(errs)).count();
            let share = erring as f64 / comparisons.len() as f64;
            let line = format!("{} against {} rounds: {:.1} % {what}", rounds[1], rounds[0], share * 100.0);
            claims.hold(line, share <= 0.055);
        }
    }
}

fn comparisons(pair: &Pair) -> Vec<Comparison> {
    seeds::each(PAIRS, |seed| comparison(pair, seed))
}

fn comparison(pair: &Pair, seed: u64) -> Comparison {
    let a = (pair.machine)(2 * seed).run(pair.rounds[0], &Truth::NOTHING);
    let b = (pair.machine)(2 * seed + 1).run(pair.rounds[1], &pair.truth);
    let told = [&a, &b].map(measurement);
    let ended = |n: usize, observations| Ended { measurement: &told[n], observations };
    compare(&ended(0, &a), &ended(1, &b), Vec::new(), &Options { margin: MARGIN, arms_across_runs: true })
}

fn effect(comparison: &Comparison, of: Of, metric: Metric) -> &Effect {
    let effects = match of {
        Of::Arms => &comparison.effects,
        Of::Overheads => &comparison.overheads,
    };
    let wanted = |effect: &&Effect| effect.arm == "mesh" && effect.metric == metric.name();
    effects.iter().find(wanted).expect("every metric has an effect")
}

/// The part of a run's measurement that a comparison needs: its arms.
fn measurement(seen: &Observations) -> Measurement {
    let arms_only = Observations { arms: seen.arms.clone(), ..Observations::default() };
    let Measured { arms, .. } = measure(&arms_only, &Options::default());
    let word = String::new;
    let experiment = Subject {
        left_out: Vec::new(),
        drop_foreign: None,
        stands: None,
        rounds_asked: None,
        name: word(),
        topology: word(),
        target: word(),
        rounds: 0,
        requests: 0,
        think_ms: 0.0,
        users: None,
        rate_per_s: None,
        pace_ms: 0.0,
        round_trip_ms: 0.0,
        timeout_ms: None,
        connection: ConnectionUse::Keep,
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
        awake: false,
        interrupts_apart: None,
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
