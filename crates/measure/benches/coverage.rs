//! Checks that intervals hold the truth as often as they claim, with thousands of simulated experiments whose truth is
//! known. Each line is a claim that is asserted; `make bench` prints them all.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "coverage/claims.rs"]
mod claims;
#[path = "coverage/machine.rs"]
mod machine;
#[path = "coverage/runs.rs"]
mod runs;
#[path = "coverage/seeds.rs"]
mod seeds;

use claims::Claims;
use machine::{Machine, Truth};
use measure::{Effect, Measured, Metric, Options, Until, Verdict, is_reached, measure};

const EXPERIMENTS: u64 = 2_000;
/// Number of runs that end by themselves. There are fewer, because each is checked many times.
const ENDING: u64 = 1_000;
/// Rounds of each stand-up, if there are several.
const ROUNDS_PER_STAND: u32 = 3;
/// A margin wide enough for ten rounds of this machine to show equivalence at all.
const MARGIN: f64 = 0.1;
const METRICS: [Metric; 5] =
    [Metric::LatencyMsMean, Metric::LatencyMsP50, Metric::LatencyMsP90, Metric::LatencyMsP99, Metric::CpuMsPerRequest];

fn main() {
    let mut claims = Claims::default();
    for rounds in [10, 30] {
        experiments(&mut claims, &format!("{rounds} rounds"), rounds, Machine::of);
    }
    let anew = |seed| Machine::with_stands(seed, ROUNDS_PER_STAND);
    experiments(&mut claims, &format!("10 stand-ups of {ROUNDS_PER_STAND} rounds"), 10 * ROUNDS_PER_STAND, anew);
    stopping(&mut claims);
    runs::runs(&mut claims);
    claims.assert();
}

/// The ratio is known if one arm is slower by a factor, the difference if it is slower by a constant. At the edges of
/// the margin nothing is equivalent. If nothing differs, nothing costs or saves.
fn experiments(claims: &mut Claims, length: &str, rounds: u32, machine: impl Fn(u64) -> Machine + Sync) {
    let mut of = |truth: Truth, wrong: &[(&str, Verdict)]| {
        let seen = seeds::each(EXPERIMENTS, |seed| {
            let Measured { effects, .. } =
                measure(&machine(seed).run(rounds, &truth), &Options { margin: MARGIN, ..Options::default() });
            effects
        });
        intervals(claims, length, &truth, &seen);
        for (what, verdict) in wrong {
            let share = share(&seen, |effects| effects.iter().any(|effect| effect.verdict == Some(*verdict)));
            claims.hold(format!("{length}: {:.1} % {what}", share * 100.0), share <= 0.05);
        }
    };
    of(Truth { factor: 1.0, added_ns: 200_000.0 }, &[]);
    let costs = ("said to cost what costs nothing", Verdict::Costs);
    of(Truth::NOTHING, &[costs, ("said to save what saves nothing", Verdict::Saves)]);
    for factor in [1.0 + MARGIN, 1.0 / (1.0 + MARGIN)] {
        of(Truth { factor, added_ns: 0.0 }, &[("called equivalent at the margin", Verdict::NoMeasurableCost)]);
    }
}

fn intervals(claims: &mut Claims, length: &str, truth: &Truth, seen: &[Vec<Effect>]) {
    for metric in METRICS {
        let told: Vec<([f64; 2], f64)> = seen.iter().map(|effects| told(of(effects, metric), metric, truth)).collect();
        let share = share(&told, |([low, high], truth)| low <= truth && truth <= high);
        let width = told.iter().map(|([low, high], _)| (high - low) / 2.0).sum::<f64>() / told.len() as f64;
        let line = format!(
            "{length}, {truth}: {:<18} {:.1} % hold the truth, half-width {width:.4}",
            metric.name(),
            share * 100.0
        );
        claims.hold(line, (0.93..=0.97).contains(&share));
    }
}

/// The interval that is compared with the truth, and the truth.
fn told(effect: &Effect, metric: Metric, truth: &Truth) -> ([f64; 2], f64) {
    if truth.added_ns > 0.0 {
        // Added waiting takes no CPU time.
        let added_ms = if metric == Metric::CpuMsPerRequest { 0.0 } else { truth.added_ns / 1e6 };
        (effect.difference_ci95.expect("ten rounds have an interval"), added_ms)
    } else {
        (effect.ratio_ci95.expect("ten rounds have an interval"), truth.factor)
    }
}

fn of(effects: &[Effect], metric: Metric) -> &Effect {
    effects.iter().find(|effect| effect.metric == metric.name()).expect("every metric has an effect")
}

fn share<T>(all: &[T], is: impl Fn(&T) -> bool) -> f64 {
    all.iter().filter(|one| is(one)).count() as f64 / all.len() as f64
}

/// Checks runs that end once the interval is narrow.
fn stopping(claims: &mut Claims) {
    for (text, most) in [("latency_ms_p50<4%", 60), ("latency_ms_mean<4%", 60)] {
        let until: Until = text.parse().expect("the rule is valid");
        let truth = Truth { factor: 1.05, added_ns: 0.0 };
        let ended = seeds::each(ENDING, |seed| {
            let mut machine = Machine::of(seed);
            let mut seen = machine.run(10, &truth);
            let mut ran = 10;
            while ran < most && !is_reached(&until, &seen) {
                machine.round(&mut seen, ran, &truth);
                ran += 1;
            }
            let Measured { effects, .. } = measure(&seen, &Options::default());
            (of(&effects, until.metric).ratio_ci95.expect("ten rounds have an interval"), ran)
        });
        let share = share(&ended, |([low, high], _)| *low <= truth.factor && truth.factor <= *high);
        let rounds = ended.iter().map(|(_, ran)| f64::from(*ran)).sum::<f64>() / ended.len() as f64;
        let line = format!("until {until}: {:.1} % hold the truth after {rounds:.1} rounds", share * 100.0);
        claims.hold(line, share > 0.92);
    }
}
