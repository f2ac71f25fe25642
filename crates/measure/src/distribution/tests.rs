use proptest::prelude::*;

use super::*;
use crate::LoadBlock;

/// Two blocks of an arm, with such latencies in microseconds.
fn observations(latencies_us: &[u64]) -> Observations {
    let block = |round: u32, part: &[u64]| -> LoadBlock {
        let mut latency = Histogram::new();
        part.iter().for_each(|us| latency.record(us * 1_000));
        let errors = BTreeMap::from([("timeout", 2)]);
        serde_json::from_value(serde_json::json!({
            "arm": "none", "round": round, "wall_s": 1.5, "requests": part.len(), "errors": errors, "latency": latency,
            "lag": Histogram::new(),
        }))
        .unwrap()
    };
    let (first, second) = latencies_us.split_at(latencies_us.len() / 2);
    Observations { arms: vec!["none".into()], load: vec![block(0, first), block(1, second)], ..Default::default() }
}

#[test]
fn known_latencies() {
    let latencies: Vec<u64> = std::iter::repeat_n(1_000, 60).chain(std::iter::repeat_n(4_000, 60)).collect();
    let seen = distribution(&observations(&latencies), "none");
    let near = |told: f64, truth: f64| assert!((told / truth - 1.0).abs() < 0.002, "{told} instead of {truth}");
    near(seen.min_s, 0.001);
    near(seen.max_s, 0.004);
    near(seen.mean_s, 0.0025);
    near(seen.stddev_s, 0.0015);
    assert_eq!((seen.wall_s, seen.count, seen.errors["timeout"]), (3.0, 120, 4));
    assert_eq!(seen.quantiles.iter().map(|(q, _)| *q).collect::<Vec<_>>(), [0.5, 0.75, 0.9]);
    assert_eq!(seen.buckets.iter().map(|bucket| bucket.count).collect::<Vec<_>>(), [60, 60]);
}

#[test]
fn an_arm_that_was_never_asked() {
    assert_eq!(distribution(&Observations::default(), "none"), Distribution::default());
}

proptest! {
    // Few cases: histograms are slow to write and to read in a build that is not optimised.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn buckets_hold_every_request_and_stand_in_a_row(latencies in prop::collection::vec(1u64..10_000_000, 1..200)) {
        let seen = distribution(&observations(&latencies), "none");
        prop_assert_eq!(seen.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), latencies.len() as u64);
        prop_assert_eq!(seen.buckets[0].start_s, seen.min_s);
        prop_assert_eq!(seen.buckets.last().unwrap().end_s, seen.max_s);
        prop_assert!(seen.buckets.iter().all(|bucket| bucket.start_s <= bucket.end_s));
        prop_assert!(seen.buckets.windows(2).all(|pair| pair[0].end_s <= pair[1].start_s));
    }
}
