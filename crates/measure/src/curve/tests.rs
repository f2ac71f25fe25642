use super::*;
use crate::{ContainerUse, LoadBlock, MachineUse, Samples};

/// One arm, one idle window, two blocks of 1,000 requests that take 1 µs, 2 µs … 1 ms.
fn observations() -> Observations {
    let mut latency = Histogram::new();
    (1..=1000).for_each(|request| latency.record(request * 1_000));
    let old: LoadBlock = serde_json::from_value(serde_json::json!({
        "arm": "none", "round": 0, "wall_s": 2.0, "requests": 0, "errors": {},
        "latency": Histogram::new(), "lag": Histogram::new()
    }))
    .expect("a block as runs have always written it");
    let samples = Samples { requests: 1_000, latency, ..old.samples };
    let block = |round| LoadBlock { arm: old.arm.clone(), round, samples: samples.clone() };
    let reading = |phase, round, started_s| Reading {
        phase,
        arm: "none".to_owned(),
        round,
        started_s,
        wall_s: 2.0,
        suspended_s: 0.0,
        containers: vec![used("client", 0.5), used("web-v1", 1.0)],
        links: Vec::new(),
        machine: MachineUse { busy_s: 2.0, softirq_s: 0.25, steal_s: 0.0, capacity_s: 4.0, ..Default::default() },
    };
    Observations {
        arms: vec!["none".to_owned()],
        load: vec![block(0), block(1)],
        meters: vec![reading(Phase::Load, 0, 3.0), reading(Phase::Load, 1, 6.0), reading(Phase::Idle, 0, 1.0)],
        ..Default::default()
    }
}

fn used(pod: &str, cpu_s: f64) -> ContainerUse {
    let (pod, container) = (pod.to_owned(), "app".to_owned());
    ContainerUse { pod, container, cpu_s, cpu_user_s: cpu_s, cpu_system_s: 0.0, memory_bytes: 0, throttled: 0 }
}

#[test]
fn quantiles_end_where_ten_samples_lie_beyond() {
    let curves = curves(&observations());
    let arm = &curves.arms[0];
    assert!((arm.percentiles[3].q - 0.498_813).abs() < 1e-6, "{:?}", arm.percentiles[3]);
    assert!((arm.percentiles[3].ms - 0.499).abs() < 0.001, "{:?}", arm.percentiles[3]);
    let last = arm.percentiles.last().expect("2,000 samples have quantiles");
    assert!(last.q > 0.99 && last.q <= 0.995, "{last:?}");
    assert_eq!(arm.distribution.len(), 201);
    assert!(arm.distribution.is_sorted_by_key(|point| point.ms));
}

#[test]
fn cpu_beside_the_totals() {
    let curves = curves(&observations());
    assert_eq!(curves.arms[0].cpu_client_ms_per_request, Some(0.5));
    assert_eq!(curves.arms[0].cpu_softirq_ms_per_request, Some(0.25));
    assert_eq!(curves.arms[0].rounds["cpu_ms_per_request"], BTreeMap::from([(0, 1.0), (1, 1.0)]));
}

#[test]
fn stretches_stand_in_the_order_of_time() {
    let mut seen = observations();
    let of = |stretch: &Stretch| (stretch.phase, stretch.round, stretch.latency_ms_p50.is_some());
    let order: Vec<_> = curves(&seen).stretches.iter().map(of).collect();
    assert_eq!(order, [(Phase::Idle, 0, false), (Phase::Load, 0, true), (Phase::Load, 1, true)]);
    assert_eq!(curves(&seen).stretches[0].cores, Some(0.5));
    assert_eq!(curves(&seen).stretches[0].node_percent, Some(50.0));

    seen.meters.iter_mut().for_each(|reading| reading.started_s = 0.0);
    assert!(curves(&seen).stretches.is_empty(), "a run that did not record when");
}
