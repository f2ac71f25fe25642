//! Whether the intervals hold the truth as often as they say: thousands of simulated experiments whose truth is known.
//! Each line is a claim that is asserted; `make bench` prints them all.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "coverage/machine.rs"]
mod machine;
#[path = "coverage/runs.rs"]
mod runs;

use machine::{Machine, Truth};
use measure::{Effect, Measured, Metric, Options, Until, Verdict, is_reached, measure};

const EXPERIMENTS: u64 = 2_000;
/// Of runs that end by themselves: each is looked at many times.
const ENDING: u64 = 1_000;
/// Wide enough for ten rounds of this machine to call something equivalent at all.
const MARGIN: f64 = 0.1;
const LATENCIES: [Metric; 4] =
    [Metric::LatencyMsMean, Metric::LatencyMsP50, Metric::LatencyMsP90, Metric::LatencyMsP99];

fn main() {
    for rounds in [10, 30] {
        intervals(rounds, &Truth { factor: 1.05, added_ns: 0.0 });
        intervals(rounds, &Truth { factor: 1.0, added_ns: 200_000.0 });
        verdicts(rounds);
    }
    stopping();
    runs::runs();
}

/// The ratio is known where one arm is slower by a factor, the difference where it is slower by a constant.
fn intervals(rounds: u32, truth: &Truth) {
    let mut held = [0; LATENCIES.len()];
    let mut widths = [0.0; LATENCIES.len()];
    for seed in 0..EXPERIMENTS {
        let Measured { effects, .. } = measure(&Machine::of(seed).run(rounds, truth), &Options::default());
        for (n, metric) in LATENCIES.into_iter().enumerate() {
            let (interval, truth) = told(of(&effects, metric), truth);
            held[n] += u64::from(interval[0] <= truth && truth <= interval[1]);
            widths[n] += (interval[1] - interval[0]) / 2.0 / EXPERIMENTS as f64;
        }
    }
    for ((metric, held), width) in LATENCIES.into_iter().zip(held).zip(widths) {
        let share = held as f64 / EXPERIMENTS as f64;
        println!(
            "{rounds} rounds, {truth}: {:<16} {:.1} % hold the truth, half-width {width:.4}",
            metric.name(),
            share * 100.0
        );
    }
    let shares = held.map(|held| held as f64 / EXPERIMENTS as f64);
    assert!(shares.iter().all(|share| (0.93..=0.97).contains(share)), "{shares:?} of the intervals hold the truth");
}

/// The interval that is about the truth, and the truth.
fn told(effect: &Effect, truth: &Truth) -> ([f64; 2], f64) {
    if truth.factor == 1.0 {
        (effect.difference_ci95.expect("ten rounds have an interval"), truth.added_ns / 1e6)
    } else {
        (effect.ratio_ci95.expect("ten rounds have an interval"), truth.factor)
    }
}

fn of(effects: &[Effect], metric: Metric) -> &Effect {
    effects.iter().find(|effect| effect.metric == metric.name()).expect("every metric has an effect")
}

/// At the margin's edge nothing is equivalent; where nothing differs, nothing costs or saves.
fn verdicts(rounds: u32) {
    let edge = Truth { factor: 1.0 + MARGIN, added_ns: 0.0 };
    at_most_one_in_twenty(rounds, "called equivalent at the margin", &edge, Verdict::NoMeasurableCost);
    at_most_one_in_twenty(rounds, "said to cost what costs nothing", &Truth::NOTHING, Verdict::Costs);
    at_most_one_in_twenty(rounds, "said to save what saves nothing", &Truth::NOTHING, Verdict::Saves);
}

fn at_most_one_in_twenty(rounds: u32, what: &str, truth: &Truth, wrong: Verdict) {
    let errs = |seed: &u64| {
        let Measured { effects, .. } = measure(&Machine::of(*seed).run(rounds, truth), &Options { margin: MARGIN });
        effects.iter().any(|effect| effect.verdict == Some(wrong))
    };
    let share = (0..EXPERIMENTS).filter(errs).count() as f64 / EXPERIMENTS as f64;
    println!("{rounds} rounds: {:.1} % {what}", share * 100.0);
    assert!(share <= 0.05, "{share} {what}");
}

/// Runs that end when the interval is narrow.
fn stopping() {
    for (text, most) in [("latency_ms_p50<4%", 60), ("latency_ms_mean<4%", 60)] {
        let until: Until = text.parse().expect("the rule is valid");
        let truth = Truth { factor: 1.05, added_ns: 0.0 };
        let (mut held, mut rounds) = (0, 0);
        for seed in 0..ENDING {
            let mut machine = Machine::of(seed);
            let mut seen = machine.run(10, &truth);
            let mut ran = 10;
            while ran < most && !is_reached(&until, &seen) {
                machine.round(&mut seen, ran, &truth);
                ran += 1;
            }
            let Measured { effects, .. } = measure(&seen, &Options::default());
            let [low, high] = of(&effects, until.metric).ratio_ci95.expect("ten rounds have an interval");
            held += u64::from(low <= truth.factor && truth.factor <= high);
            rounds += u64::from(ran);
        }
        let (share, rounds) = (held as f64 / ENDING as f64, rounds as f64 / ENDING as f64);
        println!("until {until}: {:.1} % hold the truth after {rounds:.1} rounds", share * 100.0);
        assert!(share > 0.92, "{share} of the intervals hold the truth");
    }
}
