use super::*;
use crate::tests::shipped;
use crate::{Amounts, bundled};

#[test]
fn shares_add_up_and_differ_by_one_at_most() {
    for (total, parts) in [(23, 5), (5, 5), (1500, 7), (1, 1)] {
        let shares: Vec<u64> = (0..parts).map(|number| share(total, parts, number)).collect();
        assert_eq!(shares.iter().sum::<u64>(), total);
        assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
    }
}

/// The rounds of each stand-up of an experiment with these amounts.
fn spread(rounds: u32, stands: Option<u32>) -> Vec<usize> {
    let mut experiment = shipped("experiments/pair.yaml");
    experiment.amend(&Amounts { rounds: Some(rounds), stands, ..Amounts::default() }).unwrap();
    plan(&experiment).by_stand().iter().map(Vec::len).collect()
}

#[test]
fn rounds_are_spread_over_ten_stand_ups_unless_told_otherwise() {
    assert_eq!(spread(30, None), [3; 10]);
    assert_eq!(spread(15, None), [2, 2, 2, 2, 2, 1, 1, 1, 1, 1]);
    assert_eq!(spread(11, None), [2, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    // With fewer than ten rounds, each round has a stand-up of its own.
    assert_eq!(spread(6, None), [1; 6]);
    assert_eq!(spread(1, None), [1]);
    assert_eq!(spread(15, Some(4)), [4, 4, 4, 3]);
    assert_eq!(spread(15, Some(1)), [15]);
}

/// The studies and the faults set `stands: 1`, and calibration has its own number; no other file sets one.
#[test]
fn shipped_experiments_stand_up_ten_times() {
    for name in bundled::names().filter(|name| name.starts_with("experiments/") && name.ends_with(".yaml")) {
        let experiment = shipped(name);
        let expected = match name.trim_start_matches("experiments/") {
            "bookinfo-sequential.yaml" | "simple-sequential.yaml" | "faults.yaml" => 1,
            "calibrate.yaml" => 20,
            _ => 10,
        };
        assert_eq!(experiment.stand_ups(), expected, "{name}");
        assert_eq!(plan(&experiment).by_stand().len(), expected as usize, "{name}");
    }
}

/// The arm that is warmed up last holds more memory than those that have rested meanwhile.
#[test]
fn every_arm_is_warmed_up_last_equally_often() {
    let plan = plan(&shipped("experiments/demo.yaml"));
    let last = |arm: &str| plan.warmup_orders.iter().filter(|order| order.last().unwrap() == arm).count();
    assert_eq!(plan.warmup_orders.len(), 10);
    assert_eq!(plan.by_stand().len(), 10);
    let counts: Vec<usize> = plan.arms.iter().map(|arm| last(arm)).collect();
    assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
}

#[test]
fn kept_connections_and_watched_arms_settle() {
    let settling = |name: &str| plan(&shipped(name)).settling_requests;
    assert_eq!(settling("experiments/one-hop.yaml"), SETTLING);
    assert_eq!(settling("experiments/bookinfo-sequential.yaml"), 0);
}

/// As their comments say, the arm without a mesh goes first.
#[test]
fn the_studies_begin_without_a_mesh() {
    for name in ["bookinfo-sequential", "simple-sequential"] {
        let experiment = shipped(&format!("experiments/{name}.yaml"));
        assert_eq!(plan(&experiment).rounds[0].order, ["none", "sidecar"], "{name}");
    }
}

/// Rounds beyond those asked for also belong to a stand-up.
#[test]
fn every_stand_up_that_there_may_be_has_an_order_of_its_warm_up() {
    let mut experiment = shipped("experiments/pair.yaml");
    let until = Some("latency_ms_p50<1%".parse().unwrap());
    let amounts = Amounts { rounds: Some(10), stands: Some(5), max_rounds: Some(25), until, ..Amounts::default() };
    experiment.amend(&amounts).unwrap();
    let plan = plan(&experiment);
    assert_eq!((plan.by_stand().len(), plan.warmup_orders.len()), (12, 12));
}
