use std::collections::BTreeMap;

use super::*;
use crate::{Arm, Histogram, LoadBlock, MemorySource, Metric, SCHEMA, Value, Verdict};

const MS: f64 = 1e6;

/// A run of the arms `none` and `sidecar`. All requests of a block have the same latency, given here by round.
struct Run {
    rounds: u32,
    none_ms: f64,
    sidecar_ms: f64,
    /// How much both arms vary from round to round, as a share.
    swing: f64,
}

impl Run {
    fn observations(&self) -> Observations {
        let arms = [("none", self.none_ms), ("sidecar", self.sidecar_ms)];
        let blocks = (0..self.rounds).flat_map(|round| arms.map(|(arm, ms)| self.block(arm, round, ms)));
        Observations { arms: vec!["none".into(), "sidecar".into()], load: blocks.collect(), ..Default::default() }
    }

    fn block(&self, arm: &str, round: u32, ms: f64) -> LoadBlock {
        let mut latency = Histogram::new();
        let swing = 1.0 + self.swing * if round.is_multiple_of(2) { 1.0 } else { -1.0 };
        (0..100).for_each(|_| latency.record((ms * MS * swing) as u64));
        let block = serde_json::json!({
            "arm": arm, "round": round, "wall_s": 1.0, "requests": 100, "errors": BTreeMap::<String, u64>::new(),
            "latency": latency, "lag": Histogram::new(),
        });
        serde_json::from_value(block).unwrap()
    }

    fn measurement(&self) -> Measurement {
        let arm = |name: &str| serde_json::json!({"name": name, "metrics": BTreeMap::<String, Value>::new(), "services": [], "edges": []});
        let arms: Vec<Arm> = ["none", "sidecar"].map(|name| serde_json::from_value(arm(name)).unwrap()).into();
        serde_json::from_value(serde_json::json!({
            "schema": SCHEMA,
            "experiment": {
                "name": "e", "topology": "t", "target": "http://a:1/", "rounds": self.rounds, "requests": 1,
                "think_ms": 0.0, "connection": "keep", "seed": 1, "complete": true,
            },
            "environment": {
                "meshtax": "0", "envoy": null, "kernel": "k", "system": "s", "processor": "p", "cores": 1,
                "memory_mib": 1, "cgroups": "v2", "memory_source": MemorySource::Pss, "started": "",
            },
            "arms": arms, "effects": [], "cautions": [],
        }))
        .unwrap()
    }
}

const A: Run = Run { rounds: 10, none_ms: 2.0, sidecar_ms: 6.0, swing: 0.02 };

fn compared(a: &Run, b: &Run) -> Comparison {
    let ([seen_a, seen_b], [told_a, told_b]) = ([a, b].map(Run::observations), [a, b].map(Run::measurement));
    let ended = |measurement, observations| Ended { measurement, observations };
    let options = Options { arms_across_runs: true, ..Options::default() };
    compare(&ended(&told_a, &seen_a), &ended(&told_b, &seen_b), Vec::new(), &options)
}

/// Two runs are two stand-ups, so an arm's difference between them gets a verdict only if the user asks for it.
#[test]
fn arms_across_runs_get_no_verdict_unless_asked_for() {
    let (seen, told) = (A.observations(), A.measurement());
    let ended = Ended { measurement: &told, observations: &seen };
    let comparison = compare(&ended, &ended, Vec::new(), &Options::default());
    let judged = |effects: &[Effect]| effects.iter().filter(|effect| effect.verdict.is_some()).count();
    assert_eq!([judged(&comparison.effects), judged(&comparison.overheads)], [0, 4]);
    assert!(comparison.effects.iter().all(|one| one.margin.is_none() && one.rounds_needed.is_none()));
    assert!(comparison.effects[0].ratio_ci95.is_some(), "figures stay");
}

#[test]
fn baselines_that_are_swapped_are_named() {
    let (a, mut b) = (A.measurement(), A.measurement());
    b.arms.reverse();
    let told = cautions(&a, &b, &[], &[]);
    assert_eq!(told[0].kind, "other_baseline");
    assert!(
        told[0].text.starts_with("the baseline is `none` in A and `sidecar` in B: the baselines are swapped"),
        "{told:?}"
    );
    b.arms.truncate(1);
    assert!(!cautions(&a, &b, &[], &[])[0].text.contains("swapped"));
}

fn ratio(effects: &[Effect], arm: &str) -> (f64, [f64; 2]) {
    let wanted = |effect: &&Effect| effect.arm == arm && effect.metric == Metric::LatencyMsMean.name();
    let effect = effects.iter().find(wanted).expect("an effect");
    (effect.ratio.expect("a ratio"), effect.ratio_ci95.expect("an interval"))
}

#[test]
fn a_slower_machine_slows_every_arm_and_leaves_the_overhead() {
    let comparison = compared(&A, &Run { rounds: 14, none_ms: 3.0, sidecar_ms: 9.0, ..A });
    for (effects, arm, truth, half) in [
        (&comparison.effects, "none", 1.5, 0.05),
        (&comparison.effects, "sidecar", 1.5, 0.05),
        (&comparison.overheads, "sidecar", 1.0, 0.002),
    ] {
        let (ratio, [low, high]) = ratio(effects, arm);
        assert!((ratio - truth).abs() < 0.01, "{arm}: {ratio} instead of {truth}");
        assert!(low - 0.002 <= truth && truth <= high + 0.002 && high - low < 2.0 * half, "{arm}: [{low}, {high}]");
    }
    assert!(comparison.overheads.iter().all(|effect| effect.arm == "sidecar"));
}

#[test]
fn a_dearer_sidecar_is_an_overhead() {
    let comparison = compared(&A, &Run { sidecar_ms: 6.6, ..A });
    let ((none, _), (arm, _)) = (ratio(&comparison.effects, "none"), ratio(&comparison.effects, "sidecar"));
    let (overhead, [low, _]) = ratio(&comparison.overheads, "sidecar");
    assert!((none - 1.0).abs() < 0.01 && (arm - 1.1).abs() < 0.01 && (overhead - 1.1).abs() < 0.01 && low > 1.09);
}

#[test]
fn totals_of_twice_as_many_rounds_are_twice_as_large() {
    let comparison = compared(&A, &Run { rounds: 20, ..A });
    let wanted = |effect: &&Effect| effect.arm == "none" && effect.metric == Metric::Requests.name();
    let requests = comparison.effects.iter().find(wanted).unwrap();
    assert!((requests.ratio.unwrap() - 2.0).abs() < 1e-9 && requests.difference == Some(1000.0), "{requests:?}");
}

#[test]
fn few_rounds_have_no_interval() {
    let comparison = compared(&Run { rounds: 5, ..A }, &A);
    assert!(comparison.effects.iter().all(|effect| effect.ratio_ci95.is_none() && effect.p_value.is_none()));
}

#[test]
fn primary_metrics_get_verdicts() {
    let check = |b: &Run, wanted: [Verdict; 3]| {
        let comparison = compared(&A, b);
        let verdict = |effects: &[Effect], arm: &str| {
            let of = |effect: &&Effect| effect.arm == arm && effect.metric == Metric::LatencyMsP50.name();
            let effect = effects.iter().find(of).unwrap();
            assert!(effect.margin == Some(0.02) && effect.smallest_resolvable.is_some(), "{effect:?}");
            effect.verdict.unwrap()
        };
        let told = [
            verdict(&comparison.effects, "none"),
            verdict(&comparison.effects, "sidecar"),
            verdict(&comparison.overheads, "sidecar"),
        ];
        assert_eq!(told, wanted);
        let unjudged = comparison.effects.iter().filter(|effect| effect.metric == Metric::LatencyMsP99.name());
        assert!(unjudged.into_iter().all(|effect| effect.verdict.is_none()));
    };
    use Verdict::{Costs, NoMeasurableCost, NotResolvable, Saves};
    let still = Run { swing: 0.005, ..A };
    check(&Run { sidecar_ms: 6.6, ..A }, [NotResolvable, Costs, Costs]);
    check(&Run { none_ms: 3.0, sidecar_ms: 9.0, ..A }, [Costs, Costs, NoMeasurableCost]);
    check(&Run { none_ms: 1.0, sidecar_ms: 6.0, ..still }, [Saves, NotResolvable, Costs]);
}

/// Nine rounds in ten take 2 ms and one takes 200. The median of all requests is 2 ms; the mean of the rounds' medians
/// is far above.
#[test]
fn quantiles_are_those_of_all_blocks_together() {
    let (a, mut b) = (A.observations(), A.observations());
    let slow = b.load.iter_mut().find(|block| block.arm == "none" && block.round == 3).unwrap();
    *slow = A.block("none", 3, 200.0);
    let told = A.measurement();
    let ended = |observations| Ended { measurement: &told, observations };
    let comparison = compare(&ended(&a), &ended(&b), Vec::new(), &Options::default());
    let wanted = |metric: Metric| {
        let of = |effect: &&Effect| effect.arm == "none" && effect.metric == metric.name();
        comparison.effects.iter().find(of).unwrap().clone()
    };
    assert!((wanted(Metric::LatencyMsP50).ratio.unwrap() - 1.0).abs() < 0.05);
    assert!(wanted(Metric::LatencyMsMean).ratio.unwrap() > 1.5);
}

#[test]
fn a_quantile_needs_ten_samples_beyond_it_in_both_runs() {
    let effect = |comparison: &Comparison| {
        let of = |effect: &&Effect| effect.arm == "none" && effect.metric == Metric::LatencyMsP99.name();
        comparison.effects.iter().find(of).unwrap().clone()
    };
    // A block has a hundred requests, and p99 needs a thousand.
    assert!(effect(&compared(&A, &A)).ratio_ci95.is_some());
    let few = effect(&compared(&A, &Run { rounds: 9, ..A }));
    assert_eq!((few.ratio, few.difference, few.ratio_ci95), (None, None, None));
}

#[test]
fn failures_are_compared_by_kind() {
    let (a, mut b) = (A.observations(), A.observations());
    for (n, kind) in [(0, "timeout"), (2, "timeout"), (4, "connect")] {
        b.load[n].samples.errors.insert(kind.into(), 10);
    }
    let mut told = A.measurement();
    let requests = Value { value: Some(1000.0), unit: "1".into(), count: 10, stddev: None };
    told.arms[0].metrics.insert(Metric::Requests.name().into(), requests);
    let ended = |observations| Ended { measurement: &told, observations };
    let comparison = compare(&ended(&a), &ended(&b), Vec::new(), &Options::default());
    let failed = |kind: &str, b| Failures { arm: "none".into(), kind: kind.into(), a: 0, b };
    assert_eq!(comparison.failures, [failed("connect", 10), failed("timeout", 20)]);
    let uneven = comparison.cautions.iter().find(|caution| caution.kind == "errors_uneven").unwrap();
    assert!(uneven.fatal && uneven.text.contains("0 of 1000 requests failed in A, 30 of 1000 in B"), "{uneven:?}");
    assert_eq!(compare(&ended(&b), &ended(&b), Vec::new(), &Options::default()).cautions.len(), 1);
}

#[test]
fn cautions_name_what_differs() {
    let difference = |aspect, name: &str| Difference { aspect, name: name.into(), a: "1".into(), b: "2".into() };
    let differences = [
        difference(Aspect::Load, "think_ms"),
        difference(Aspect::Environment, "kernel"),
        difference(Aspect::Arms, "x"),
    ];
    let mut late = A.measurement();
    late.experiment.complete = false;
    late.cautions.push(Caution { kind: "errors".into(), ..Caution::default() });
    let told: Vec<(String, bool)> =
        cautions(&A.measurement(), &late, &differences, &[]).into_iter().map(|told| (told.kind, told.fatal)).collect();
    let kinds = ["not_comparable", "other_environment", "stand_ups", "interrupted", "cautions_of_run"];
    assert_eq!(told, kinds.map(|kind| (kind.to_owned(), kind == "not_comparable")));
    let alike = cautions(&A.measurement(), &A.measurement(), &differences[2..], &[]);
    assert_eq!(alike.iter().map(|told| told.kind.as_str()).collect::<Vec<_>>(), ["stand_ups"]);
}
