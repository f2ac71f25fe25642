//! The whole contract, from observations whose figures are known.

use measure::{ContainerUse, Histogram, LinkUse, LoadBlock, MachineUse, MemorySource, Phase, Reading, Samples};

use super::*;

const ROUNDS: u32 = 10;
const WINDOWS: u32 = 8;
const REQUESTS: u64 = 100;

/// What an arm takes: latency in microseconds, CPU time of applications and of proxies per request in microseconds, and
/// memory in MiB.
const ARMS: [(&str, [u64; 4]); 3] =
    [("none", [2000, 900, 0, 40]), ("sidecar", [6000, 920, 3900, 140]), ("null", [2004, 901, 0, 40])];

/// A share that goes up and down with the block, in each arm by another stride, so that intervals have a width: 0.98 to
/// 1.02.
fn swing(arm: &str, number: u32) -> f64 {
    let place = ARMS.iter().position(|(name, _)| *name == arm).expect("these are the arms");
    let step = (number as usize * (2 * place + 5)) % 11;
    0.98 + 0.004 * step as f64
}

fn block(arm: &str, latency_us: u64, round: u32) -> LoadBlock {
    let longest_ns = latency_us as f64 * 1e3 * swing(arm, round);
    let sequence: Vec<u64> =
        (0..REQUESTS).map(|request| (longest_ns * (0.8 + 0.004 * (request * 37 % REQUESTS) as f64)) as u64).collect();
    let (mut latency, mut lag) = (Histogram::new(), Histogram::new());
    sequence.iter().for_each(|ns| latency.record(*ns));
    (0..REQUESTS).for_each(|request| lag.record(500 + request));
    LoadBlock {
        arm: arm.to_owned(),
        round,
        samples: Samples { wall_s: 1.0, requests: REQUESTS, latency, lag, sequence, ..Samples::default() },
    }
}

fn reading(phase: Phase, arm: &str, [app_us, proxy_us, memory_mib]: [u64; 3], number: u32) -> Reading {
    let requests = if phase == Phase::Load { REQUESTS as f64 } else { 1.0 };
    let container = |pod: &str, container: &str, us: u64, mib: u64| ContainerUse {
        pod: pod.to_owned(),
        container: container.to_owned(),
        cpu_s: us as f64 / 1e6 * requests * swing(arm, number),
        memory_bytes: (mib << 20) + u64::from(number % 3) * 4096,
        ..ContainerUse::default()
    };
    let mut containers = vec![container("front-v1", "app", app_us, 20), container("client", "app", 300, 9)];
    if proxy_us > 0 {
        containers.push(container("front-v1", "proxy", proxy_us, memory_mib - 20));
    }
    let links = vec![LinkUse { pod: "front-v1".to_owned(), sent_bytes: 90_000, sent_frames: 900 }];
    let machine = MachineUse { busy_s: 0.5, softirq_s: 0.01, capacity_s: 2.0, ..MachineUse::default() };
    let (arm, wall_s, started_s) = (arm.to_owned(), 1.0, f64::from(number));
    Reading { phase, arm, round: number, started_s, wall_s, suspended_s: 0.0, containers, links, machine }
}

fn observations() -> Observations {
    let mut seen = Observations { arms: ARMS.map(|(name, _)| name.to_owned()).into(), ..Observations::default() };
    for (arm, [latency_us, app_us, proxy_us, memory_mib]) in ARMS {
        let used = [app_us, proxy_us, memory_mib];
        seen.meters.extend((0..WINDOWS).map(|window| reading(Phase::Idle, arm, used, window)));
        seen.meters.extend((0..ROUNDS).map(|round| reading(Phase::Load, arm, used, round)));
        seen.load.extend((0..ROUNDS).map(|round| block(arm, latency_us, round)));
    }
    seen
}

fn environment() -> Environment {
    Environment {
        meshtax: "0.1.0".to_owned(),
        envoy: None,
        kernel: "6.18.0".to_owned(),
        system: "Example Linux".to_owned(),
        processor: "Example CPU".to_owned(),
        cores: 2,
        memory_mib: 4096,
        cgroups: "v2".to_owned(),
        memory_source: MemorySource::WorkingSet,
        awake: false,
        interrupts_apart: None,
        started: "2026-01-02T03:04:05Z".to_owned(),
    }
}

#[test]
fn the_whole_measurement() {
    let text = experiment::bundled::file("experiments/pair.yaml").expect("it is bundled");
    let experiment = crate::tests::parse("experiments/pair.yaml", text.to_owned());
    let seen = Seen { observations: observations(), ..Seen::default() };
    let measured = || measurement(&experiment, environment(), &seen, Completeness::Whole);
    let text = serde_json::to_string_pretty(&measured()).unwrap();
    insta::assert_snapshot!(text);
    assert_eq!(text, serde_json::to_string_pretty(&measured()).unwrap(), "the same observations give the same bytes");
}
