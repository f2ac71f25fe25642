mod studies;

use super::*;
use crate::Verdict;
use crate::machine::{Machine, Truth};

fn run(seed: u64, rounds: u32, factor: f64) -> Observations {
    Machine::of(seed).run(rounds, &Truth { factor, added_ns: 0.0 })
}

/// The effects on the primary metrics.
fn primary(effects: &[Effect]) -> Vec<&Effect> {
    effects.iter().filter(|effect| Metric::PRIMARY.iter().any(|metric| metric.name() == effect.metric)).collect()
}

/// Checks the verdicts of the primary metrics, with a margin of 10 %.
fn check(seed: u64, rounds: u32, factor: f64, verdict: Verdict) {
    let Measured { effects, .. } = measure(&run(seed, rounds, factor), &Options { margin: 0.1, ..Options::default() });
    let verdicts: Vec<_> = primary(&effects).iter().map(|effect| effect.verdict).collect();
    assert_eq!(verdicts, [Some(verdict); 4], "factor {factor}, {rounds} rounds");
}

/// An effect within the reach of the noise floor gets no verdict: as a ratio, in either direction.
#[test]
fn an_effect_within_the_noise_floor_gets_no_verdict() {
    let metric = Metric::LatencyMsP50.name();
    let of = |ratio: f64, verdict| Effect { metric: metric.into(), ratio: Some(ratio), verdict, ..Effect::default() };
    let floor = Effect { ratio_ci95: Some([0.95, 1.02]), ..of(0.99, None) };
    let null = Null { effects: vec![floor] };
    let check = |ratio, given, told, within| {
        let mut effect = of(ratio, Some(given));
        mute(&mut effect, &null);
        assert_eq!((effect.verdict, effect.within_noise), (Some(told), within), "{ratio}");
    };
    check(1.05, Verdict::Costs, Verdict::NotResolvable, true);
    check(1.06, Verdict::Costs, Verdict::Costs, false);
    check(0.951, Verdict::Saves, Verdict::NotResolvable, true);
    check(0.94, Verdict::Saves, Verdict::Saves, false);
    check(1.0, Verdict::NoMeasurableCost, Verdict::NoMeasurableCost, false);
}

#[test]
fn verdicts_of_known_effects() {
    check(1, 20, 1.5, Verdict::Costs);
    check(1, 20, 0.7, Verdict::Saves);
    check(1, 30, 1.0, Verdict::NoMeasurableCost);
    check(1, 5, 1.5, Verdict::NotResolvable);
}

#[test]
fn only_primary_metrics_have_verdicts_and_all_have_statistics() {
    let Measured { effects, .. } = measure(&run(2, 10, 1.5), &Options::default());
    for effect in &effects {
        let is_primary = Metric::PRIMARY.iter().any(|metric| metric.name() == effect.metric);
        let judged = [effect.verdict.is_some(), effect.margin.is_some(), effect.smallest_resolvable.is_some()];
        assert_eq!(judged, [is_primary; 3], "{}", effect.metric);
        let tested = [effect.p_value, effect.hodges_lehmann, effect.wilcoxon_p].map(|figure| figure.is_some());
        assert_eq!(tested, [effect.ratio_ci95.is_some(); 3], "{}", effect.metric);
    }
    let p50 = primary(&effects)[1];
    assert!((p50.hodges_lehmann.unwrap() / p50.ratio.unwrap() - 1.0).abs() < 0.05, "{p50:?}");
    assert!(p50.p_value.unwrap() < 1e-6 && (p50.wilcoxon_p.unwrap() - 2.0 / 1024.0).abs() < 1e-9, "{p50:?}");
}

/// A run of three arms; the last is a copy of the first, with noise of its own.
fn with_copy() -> Observations {
    let (mut seen, copy) = (run(3, 10, 1.5), run(4, 10, 1.0));
    seen.arms.push(NULL_ARM.to_owned());
    seen.load.extend(copy.load.into_iter().filter(|block| block.arm == "none").map(|mut block| {
        block.arm = NULL_ARM.to_owned();
        block
    }));
    seen
}

#[test]
fn the_copy_of_the_baseline_is_the_noise_floor() {
    let seen = with_copy();
    let measured = measure(&seen, &Options::default());
    assert_eq!(measured.arms.len(), 3);
    assert!(measured.effects.iter().all(|effect| effect.arm == "mesh") && measured.effects.len() == Metric::ALL.len());
    let null = measured.null.unwrap().effects;
    assert_eq!(
        format!("{null:?}"),
        format!(
            "{:?}",
            effects(
                &ComparedArm::of(&seen, "none"),
                &ComparedArm::of(&seen, NULL_ARM),
                Units(None),
                &Options::default()
            )
        )
    );

    let alone = Observations { arms: vec!["none".into(), NULL_ARM.into()], ..seen };
    let measured = measure(&alone, &Options::default());
    assert!(measured.null.is_none() && measured.effects.iter().all(|effect| effect.arm == NULL_ARM));
}

#[test]
fn one_metric_alone_is_as_among_all() {
    let seen = with_copy();
    let Measured { effects, .. } = measure(&seen, &Options::default());
    for metric in [Metric::LatencyMsMean, Metric::LatencyMsP99, Metric::WaitSTotal] {
        let alone = effects_in(&seen, metric);
        let among = effects.iter().find(|effect| effect.metric == metric.name()).unwrap();
        assert_eq!((alone.len(), alone[0].ratio_ci95), (1, among.ratio_ci95), "{}", metric.name());
    }
}

/// A small `benches/coverage.rs`: 38 of 40 intervals should hold the truth; fewer than 32 do with p < 0.001.
#[test]
fn intervals_hold_the_truth() {
    const METRICS: [Metric; 4] =
        [Metric::LatencyMsMean, Metric::LatencyMsP50, Metric::LatencyMsP90, Metric::CpuMsPerRequest];
    let mut held = [0; METRICS.len()];
    for seed in 0..40 {
        let seen = run(seed, 10, 1.05);
        for (held, metric) in held.iter_mut().zip(METRICS) {
            let [low, high] = effects_in(&seen, metric)[0].ratio_ci95.unwrap();
            *held += u32::from(low <= 1.05 && 1.05 <= high);
        }
    }
    assert!(held.iter().all(|held| *held >= 32), "{held:?} of 40 intervals hold the truth");
}
