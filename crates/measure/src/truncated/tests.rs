use proptest::prelude::*;

use super::*;
use crate::{Histogram, Samples};

const MS: Duration = Duration::from_millis(1);

/// A block whose latencies were kept one by one.
fn block(arm: &str, latencies_ns: &[u64]) -> LoadBlock {
    let mut latency = Histogram::new();
    latencies_ns.iter().for_each(|ns| latency.record(*ns));
    let (requests, sequence) = (latency.count(), latencies_ns.to_vec());
    LoadBlock {
        arm: arm.to_owned(),
        samples: Samples { requests, latency, sequence, ..Samples::default() },
        ..LoadBlock::default()
    }
}

fn seen(arms: &[&str], load: Vec<LoadBlock>) -> Observations {
    Observations { arms: arms.iter().map(|arm| (*arm).to_owned()).collect(), load, ..Observations::default() }
}

#[test]
fn each_latency_is_cut_and_not_their_mean() {
    // 0.999 999 + 1.0 + 2.5 + 3.999 999 ms are reported as 0 + 1 + 2 + 3.
    let none = vec![block("none", &[999_999, 1_000_000]), block("none", &[2_500_000, 3_999_999])];
    let told = truncated(&seen(&["none"], none), MS);
    let arm = &told.arms[0];
    assert_eq!((told.step_ms, arm.requests, arm.ratio), (1.0, 4, None));
    assert_eq!((arm.wait_s_total, arm.latency_ms_mean), (Some(0.006), Some(1.5)));
    assert!((arm.exact_ms_mean.unwrap() - 8.499_998 / 4.0).abs() < 1e-9);
}

#[test]
fn arms_are_told_against_the_baseline_and_its_copy_is_none() {
    let load = [("none", 2_900_000), ("sidecar", 3_100_000), ("null", 2_900_000)];
    let load = load.into_iter().map(|(arm, ns)| block(arm, &[ns])).collect();
    let told = truncated(&seen(&["none", "sidecar", "null"], load), MS);
    let ratios: Vec<_> = told.arms.iter().map(|arm| (arm.arm.as_str(), arm.ratio)).collect();
    assert_eq!(ratios, [("none", None), ("sidecar", Some(1.5))]);
}

#[test]
fn what_was_not_kept_is_not_told() {
    let mut torn = block("none", &[1_000_000, 2_000_000]);
    torn.samples.sequence.pop();
    let told = |load| {
        let arm = truncated(&seen(&["none"], load), MS).arms.remove(0);
        (arm.requests, arm.wait_s_total, arm.latency_ms_mean)
    };
    assert_eq!(told(vec![torn]), (2, None, None));
    assert_eq!(told(Vec::new()), (0, None, None));
}

proptest! {
    /// Each latency loses less than a step, and nothing is ever added.
    #[test]
    fn less_than_a_step_is_lost(latencies in prop::collection::vec(0u64..10_000_000_000, 1..50), step_us in 1u64..20_000) {
        let step = Duration::from_micros(step_us);
        let told = truncated(&seen(&["none"], vec![block("none", &latencies)]), step).arms.remove(0);
        let lost_ms = told.exact_ms_mean.unwrap() - told.latency_ms_mean.unwrap();
        prop_assert!((-1e-6..step_us as f64 / 1e3 + 1e-6).contains(&lost_ms), "{lost_ms}");
    }
}
