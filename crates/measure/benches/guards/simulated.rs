//! Runs without a fault, as on a quiet machine: latencies with a tail that resemble the ones before, blocks and
//! stand-ups that differ, versions of a service that respond differently, and a machine with a little work of its own.

use std::collections::BTreeMap;

use measure::{
    Arm, CallLatency, Caution, ClockFacts, ConnectionUse, ContainerUse, Effect, Facts, Histogram, LoadBlock,
    MachineUse, Metric, Observations, Options, Phase, Reading, Samples, ServiceCount, SidecarFacts, Stands, cautions,
    measure,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MS: f64 = 1e6;
const CORES: f64 = 2.0;
const THINK_S: f64 = 0.002;
pub const ARMS: [&str; 3] = ["none", "sidecar", "null"];

/// The length of a run, and its application.
#[derive(Clone, Copy)]
pub struct Size {
    pub name: &'static str,
    pub rounds: u32,
    /// Rounds of each stand-up; `None` with one stand-up.
    pub rounds_per_stand: Option<u32>,
    /// Requests in each block.
    pub requests: usize,
    pub app: App,
}

/// The application that is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// One service has three versions, which respond differently.
    Bookinfo,
    /// A service that responds at once.
    OneHop,
    /// A service that takes some milliseconds. On a quiet virtual machine with two cores, its requests resembled the
    /// ones before with correlations of 0.32 to 0.40, because the machine's speed changes within tens of milliseconds.
    Calibrate,
}

/// The sizes of the bundled experiments.
pub const SIZES: [Size; 4] = [
    Size { name: "one stand-up", rounds: 30, rounds_per_stand: None, requests: 50, app: App::Bookinfo },
    Size { name: "ten stand-ups", rounds: 30, rounds_per_stand: Some(3), requests: 34, app: App::Bookinfo },
    Size { name: "one hop", rounds: 100, rounds_per_stand: None, requests: 80, app: App::OneHop },
    Size { name: "calibration", rounds: 160, rounds_per_stand: Some(8), requests: 20, app: App::Calibrate },
];

/// A run, and what its services counted.
pub struct Simulated {
    pub seen: Observations,
    pub arms: Vec<Arm>,
    pub size: Size,
    pub rng: ChaCha8Rng,
}

/// How an arm responds.
struct Character {
    /// Typical latency, in nanoseconds.
    typical_ns: f64,
    /// Additional latency of versions 2 and 3, in nanoseconds.
    versions_ns: [f64; 2],
    /// CPU time of a request, in seconds.
    cpu_s: f64,
    /// Correlation of a request's latency with the one before.
    correlation: f64,
}

fn character(arm: &str, app: App) -> Character {
    let (typical, versions, cpu_s) = match (app, arm) {
        (App::Bookinfo, "sidecar") => (6.0, [1.8, 2.0], 0.0067),
        (App::Bookinfo, _) => (2.2, [0.5, 0.6], 0.0026),
        (App::OneHop, "sidecar") => (0.9, [0.0; 2], 0.0008),
        (App::OneHop, _) => (0.35, [0.0; 2], 0.0003),
        (App::Calibrate, "sidecar") => (5.0, [0.0; 2], 0.0012),
        (App::Calibrate, _) => (4.4, [0.0; 2], 0.0007),
    };
    let correlation = if app == App::Calibrate { 0.36 } else { 0.15 };
    Character { typical_ns: typical * MS, versions_ns: versions.map(|ms| ms * MS), cpu_s, correlation }
}

impl Simulated {
    pub fn clean(seed: u64, size: Size) -> Self {
        let arms = ARMS.map(str::to_owned).into();
        let stands = size.rounds_per_stand.map(|rounds| Stands { rounds, longer: 0, windows: 0 });
        let seen = Observations { arms, stands, facts: facts(), ..Observations::default() };
        let arms = measure(&seen, &Options::default()).arms;
        let mut run = Self { seen, arms, size, rng: ChaCha8Rng::seed_from_u64(seed) };
        let (mut weather, mut lives) = (0.0, [0.0; 3]);
        for round in 0..size.rounds {
            if round % size.rounds_per_stand.unwrap_or(size.rounds) == 0 {
                lives = lives.map(|_| 0.02 * run.normal());
            }
            let mut order = [0, 1, 2];
            order.swap(2, run.rng.random_range(0..3));
            order.swap(1, run.rng.random_range(0..2));
            for arm in order {
                weather = 0.6 * weather + 0.8 * run.normal();
                run.block(ARMS[arm], round, 0.02 * weather + lives[arm]);
            }
        }
        ARMS.iter().zip(0..).for_each(|(arm, number)| run.calls(arm, number));
        run
    }

    /// The cautions of the run.
    pub fn cautions(&self) -> Vec<Caution> {
        let mean_ns = |arm: &str| {
            let mut all = Histogram::new();
            self.seen.load.iter().filter(|block| block.arm == arm).for_each(|block| all.merge(&block.samples.latency));
            all.mean_ns().unwrap_or(0.0)
        };
        let metric = Metric::LatencyMsMean.name().to_owned();
        let difference = Some((mean_ns("sidecar") - mean_ns("none")) / MS);
        let effect = Effect { arm: "sidecar".to_owned(), metric, difference, ..Effect::default() };
        cautions(&self.seen, &self.arms, &[effect])
    }

    /// A standard normal deviate: Box and Muller, Annals of Mathematical Statistics 29 (1958).
    pub fn normal(&mut self) -> f64 {
        let (radius, angle): (f64, f64) = (self.rng.random_range(f64::EPSILON..1.0), self.rng.random());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// Changes each latency of an arm, given its block, its place in it, its value, and chance.
    pub fn change(&mut self, arm: &str, change: impl Fn(&LoadBlock, usize, f64, &mut ChaCha8Rng) -> f64) {
        for block in self.seen.load.iter_mut().filter(|block| block.arm == arm) {
            let latencies = block.samples.sequence.iter().enumerate();
            let changed: Vec<u64> =
                latencies.map(|(place, ns)| change(block, place, *ns as f64, &mut self.rng) as u64).collect();
            block.samples.latency = histogram(changed.iter().copied());
            block.samples.sequence = changed;
        }
    }

    fn block(&mut self, arm: &str, round: u32, speed: f64) {
        let Character { typical_ns, versions_ns, cpu_s, correlation } = character(arm, self.size.app);
        let (mut state, mut sequence, mut lag) = (self.normal(), Vec::new(), Histogram::new());
        for _ in 0..self.size.requests {
            state = correlation * state + (1.0 - correlation * correlation).sqrt() * self.normal();
            let version = if self.size.app == App::Bookinfo { self.rng.random_range(0..3) } else { 0 };
            let more_ns = if version == 0 { 0.0 } else { versions_ns[version - 1] };
            let late_ns = if self.rng.random_bool(0.02) { 60_000.0 * self.rng.random::<f64>() } else { 400.0 };
            lag.record(late_ns as u64);
            let body_ns = (typical_ns + more_ns) * (0.1 * state + speed).exp();
            sequence.push((body_ns + self.tail() * typical_ns + late_ns) as u64);
        }
        let requests = sequence.len() as u64;
        let wall_s = sequence.iter().map(|ns| *ns as f64 / 1e9 + THINK_S).sum();
        let own_s = cpu_s * requests as f64 * (speed + 0.01 * self.normal()).exp();
        let reading = self.reading(arm, round, wall_s, own_s);
        self.seen.meters.push(reading);
        let latency = histogram(sequence.iter().copied());
        self.seen.load.push(LoadBlock {
            arm: arm.to_owned(),
            round,
            samples: Samples {
                wall_s,
                requests,
                // The warm-up opened the kept connection.
                connections: u64::from(round == 0),
                latency,
                lag,
                sequence,
                ..Samples::default()
            },
        });
    }

    /// One request in fifty takes much longer, by the typical latency or more.
    fn tail(&mut self) -> f64 {
        if !self.rng.random_bool(0.02) {
            return 0.0;
        }
        self.rng.random_range(f64::EPSILON..1.0_f64).powf(-1.0 / 2.5)
    }

    fn reading(&mut self, arm: &str, round: u32, wall_s: f64, own_s: f64) -> Reading {
        let wall_s = wall_s + 0.005;
        let capacity_s = CORES * wall_s;
        // CPU time of the machine is counted in ticks of 10 ms.
        let background = (0.06 + 0.02 * self.normal()).max(0.0);
        let busy_s = ((own_s + background * capacity_s) * 100.0 + self.rng.random::<f64>()).floor() / 100.0;
        let machine = MachineUse {
            busy_s,
            steal_s: 0.002 * self.rng.random::<f64>() * capacity_s,
            capacity_s,
            pressure_s: Some(0.1 * self.rng.random::<f64>() * wall_s),
            runnable: Some(1.0 + f64::from(self.rng.random_range(0..3_u8)) / 2.0),
            ..MachineUse::default()
        };
        let memory = 150.0 * (1.0 + 0.002 * self.normal());
        let app = ContainerUse {
            pod: "productpage-v1".into(),
            container: "app".into(),
            cpu_s: own_s,
            memory_bytes: (memory * 1_048_576.0) as u64,
            ..ContainerUse::default()
        };
        Reading {
            phase: Phase::Load,
            arm: arm.to_owned(),
            round,
            started_s: 0.0,
            wall_s,
            suspended_s: 0.0,
            containers: vec![app],
            links: Vec::new(),
            machine,
        }
    }

    /// What services counted, and the calls that they saw. Versions are chosen at random, and the second and third call
    /// another service.
    fn calls(&mut self, arm: &str, number: usize) {
        let requests = self.size.rounds as usize * self.size.requests;
        let typical_ns = 0.2 * character(arm, self.size.app).typical_ns;
        let count = |service: &str, pod: &str, requests: usize| ServiceCount {
            service: service.to_owned(),
            pod: pod.to_owned(),
            requests: requests as u64,
            errors: 0,
        };
        let services = &mut self.arms[number].services;
        services.push(count("productpage", "productpage-v1", requests));
        services.push(count("details", "details-v1", requests));
        self.call(arm, "productpage-v1", "details", requests, typical_ns);
        if self.size.app != App::Bookinfo {
            return;
        }
        let mut versions = BTreeMap::from([("reviews-v1", 0), ("reviews-v2", 0), ("reviews-v3", 0)]);
        for _ in 0..requests {
            let version = ["reviews-v1", "reviews-v2", "reviews-v3"][self.rng.random_range(0..3)];
            *versions.entry(version).or_default() += 1;
        }
        let ratings: usize = requests - versions["reviews-v1"];
        let services = &mut self.arms[number].services;
        services.extend(versions.iter().map(|(pod, requests)| count("reviews", pod, *requests)));
        services.push(count("ratings", "ratings-v1", ratings));
        self.call(arm, "productpage-v1", "reviews", requests, 2.0 * typical_ns);
        self.call(arm, "reviews-v2", "ratings", versions["reviews-v2"], typical_ns);
        self.call(arm, "reviews-v3", "ratings", versions["reviews-v3"], typical_ns);
    }

    fn call(&mut self, arm: &str, from: &str, to: &str, count: usize, typical_ns: f64) {
        let latency = histogram((0..count).map(|_| (typical_ns * (0.15 * self.normal() + self.tail()).exp()) as u64));
        let (arm, from, to, path) = (arm.to_owned(), from.to_owned(), to.to_owned(), "/".to_owned());
        self.seen.facts.calls.push(CallLatency { arm, from, to, path, latency });
    }
}

pub fn histogram(latencies: impl IntoIterator<Item = u64>) -> Histogram {
    let mut histogram = Histogram::new();
    latencies.into_iter().for_each(|latency_ns| histogram.record(latency_ns));
    histogram
}

fn facts() -> Facts {
    let clock = ClockFacts { source: Some("tsc".into()), governors: ["performance".into()].into() };
    let sidecar = SidecarFacts {
        arm: "sidecar".into(),
        pod: "productpage-v1".into(),
        concurrency_asked: 2,
        concurrency: Some(2),
        plaintext_asked: false,
        telemetry_asked: true,
        security_policies: [("mutual_tls".into(), 1500)].into(),
        retries: 0,
        signals: [measure::Signal::Requests].into(),
        response_flags: BTreeMap::new(),
    };
    Facts {
        connection: Some(ConnectionUse::Keep),
        sidecars: vec![sidecar],
        clocks: vec![clock.clone(), clock],
        ..Facts::default()
    }
}
