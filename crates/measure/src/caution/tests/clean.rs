use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::caution::cautions;
use crate::{
    Arm, CallLatency, Caution, ClockFacts, ConnectionUse, ContainerUse, Effect, Facts, Histogram, LoadBlock,
    MachineUse, Metric, Observations, Phase, Reading, Samples, ServiceCount, SidecarFacts,
};

pub(super) const MS: u64 = 1_000_000;
const ROUNDS: u32 = 15;
const REQUESTS: usize = 100;

/// A run without any reason for a caution, which tests then change.
pub(super) struct Case {
    pub(super) observations: Observations,
    pub(super) arms: Vec<Arm>,
}

impl Case {
    /// The cautions about the run, with a latency effect of 1 ms.
    pub(super) fn cautions(&self) -> Vec<Caution> {
        let metric = Metric::LatencyMsMean.name().to_owned();
        let effect = Effect { arm: "sidecar".to_owned(), metric, difference: Some(1.0), ..Effect::default() };
        cautions(&self.observations, &self.arms, &[effect])
    }

    pub(super) fn each(&mut self, change: impl FnMut(&mut LoadBlock)) {
        self.observations.load.iter_mut().for_each(change);
    }

    pub(super) fn of_arm(&mut self, arm: &'static str) -> impl Iterator<Item = &mut LoadBlock> {
        self.observations.load.iter_mut().filter(move |block| block.arm == arm)
    }

    pub(super) fn keep_rounds(&mut self, rounds: u32) {
        self.observations.load.retain(|block| block.round < rounds);
        self.observations.meters.retain(|reading| reading.round < rounds);
    }
}

impl LoadBlock {
    /// A histogram of the block's latencies, each changed given its place and value.
    pub(super) fn latency_of(&self, change: impl Fn(usize, u64) -> u64) -> Histogram {
        histogram(self.samples.sequence.iter().enumerate().map(|(place, latency_ns)| change(place, *latency_ns)))
    }
}

/// 15 rounds of 100 requests of about 10 ms on two cores. Every request is one to `front` and one to `back`.
pub(super) fn clean() -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut observations = Observations { arms: vec!["none".into(), "sidecar".into()], ..Default::default() };
    for (round, arm) in (0..ROUNDS).flat_map(|round| [(round, "none"), (round, "sidecar")]) {
        observations.load.push(block(arm, round, &mut rng));
        observations.meters.push(reading(arm, round));
    }
    observations.facts = facts();
    let arms = observations.arms.iter().map(|name| arm(name)).collect();
    Case { observations, arms }
}

/// Independent latencies from a log-normal distribution around 10 ms.
pub(super) fn latencies(rng: &mut ChaCha8Rng, count: usize) -> Vec<u64> {
    (0..count).map(|_| (1e7 * (0.2 * normal(rng)).exp()) as u64).collect()
}

/// A standard normal value: Box and Muller, "A note on the generation of random normal deviates" (1958).
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle): (f64, f64) = (rng.random_range(f64::EPSILON..1.0), rng.random());
    (-2.0 * radius.ln()).sqrt() * (angle * std::f64::consts::TAU).cos()
}

pub(super) fn histogram(latencies: impl IntoIterator<Item = u64>) -> Histogram {
    let mut histogram = Histogram::new();
    latencies.into_iter().for_each(|latency_ns| histogram.record(latency_ns));
    histogram
}

/// 100 calls of the same duration in the arm `sidecar`.
pub(super) fn call(from: &str, to: &str, latency_ns: u64) -> CallLatency {
    let (arm, from, to, path) = ("sidecar".to_owned(), from.to_owned(), to.to_owned(), "/".to_owned());
    CallLatency { arm, from, to, path, latency: histogram([latency_ns; 100]) }
}

pub(super) fn service(service: &str, pod: &str, requests: u64) -> ServiceCount {
    ServiceCount { service: service.to_owned(), pod: pod.to_owned(), requests, errors: 0 }
}

pub(super) fn arm(name: &str) -> Arm {
    let services =
        vec![service("front", "front-v1", 1500), service("back", "back-v1", 750), service("back", "back-v2", 750)];
    Arm {
        name: name.to_owned(),
        metrics: Default::default(),
        proxies: None,
        services,
        edges: Vec::new(),
        recorded: None,
        gateway: None,
        programs: None,
        client_proxy: None,
        held: None,
    }
}

fn block(arm: &str, round: u32, rng: &mut ChaCha8Rng) -> LoadBlock {
    let sequence = latencies(rng, REQUESTS);
    LoadBlock {
        arm: arm.to_owned(),
        round,
        samples: Samples {
            wall_s: 10.0,
            requests: REQUESTS as u64,
            latency: histogram(sequence.iter().copied()),
            lag: histogram([500; REQUESTS]),
            sequence,
            ..Samples::default()
        },
    }
}

fn reading(arm: &str, round: u32) -> Reading {
    // Memory goes up and down, so that it has no trend.
    let memory_bytes = (50 + u64::from(round % 2)) << 20;
    let app = ContainerUse {
        pod: "front-v1".into(),
        container: "app".into(),
        cpu_s: 1.0,
        memory_bytes,
        ..Default::default()
    };
    let machine =
        MachineUse { busy_s: 3.0, capacity_s: 20.0, pressure_s: Some(0.5), runnable: Some(1.5), ..Default::default() };
    Reading {
        phase: Phase::Load,
        arm: arm.to_owned(),
        round,
        started_s: 0.0,
        suspended_s: 0.0,
        wall_s: 10.0,
        containers: vec![app],
        links: Vec::new(),
        machine,
    }
}

fn facts() -> Facts {
    let clock = ClockFacts { source: Some("tsc".into()), governors: ["performance".into()].into() };
    let sidecar = SidecarFacts {
        arm: "sidecar".into(),
        pod: "front-v1".into(),
        concurrency_asked: 2,
        concurrency: Some(2),
        plaintext_asked: false,
        telemetry_asked: true,
        security_policies: [("mutual_tls".into(), 1500)].into(),
        retries: 0,
        signals: [crate::Signal::Requests].into(),
        response_flags: std::collections::BTreeMap::new(),
    };
    Facts {
        connection: Some(ConnectionUse::Keep),
        sidecars: vec![sidecar],
        calls: Vec::new(),
        programs: Vec::new(),
        declared: crate::DeclaredFailures::default(),
        clocks: vec![clock.clone(), clock],
        interrupts_apart: Some(false),
        restarts: Vec::new(),
        held: Vec::new(),
        unlimited: Vec::new(),
    }
}
