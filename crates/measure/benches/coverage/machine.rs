//! A machine that is as unpleasant as real ones, and whose truth is known.

use std::collections::BTreeMap;
use std::fmt;

use measure::{ContainerUse, Histogram, LoadBlock, MachineUse, Observations, Phase, Reading};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const REQUESTS: u64 = 100;

/// What the arm does to each latency.
#[derive(Clone, Copy)]
pub struct Truth {
    pub factor: f64,
    pub added_ns: f64,
}

impl Truth {
    pub const NOTHING: Self = Self { factor: 1.0, added_ns: 0.0 };
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "x {} + {} ms", self.factor, self.added_ns / 1e6)
    }
}

/// Latencies of 2 ms with a lognormal body, one in a hundred with a Pareto tail on top; correlated within a block; every
/// block with a speed of its own; all under a drift that walks and grows.
pub struct Machine {
    rng: ChaCha8Rng,
    drift: f64,
    /// How much it drifts: 1, or 0 for a machine that stays as it is.
    drifts: f64,
}

impl Machine {
    const TYPICAL_NS: f64 = 2e6;
    /// Standard deviation of the logarithm of the body.
    const BODY: f64 = 0.25;
    /// Correlation between neighbouring requests.
    const MEMORY: f64 = 0.5;
    const TAIL_SHARE: f64 = 0.02;
    const TAIL_INDEX: f64 = 2.5;
    /// Standard deviation of the logarithm of a block's speed.
    const BLOCK: f64 = 0.02;
    /// Standard deviation and mean of a round's step of the drift.
    const STEP: f64 = 0.01;
    const TREND: f64 = 0.005;

    pub fn of(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), drift: 0.0, drifts: 1.0 }
    }

    /// The same without drift.
    #[allow(dead_code, reason = "this crate's own tests simulate drifting machines only")]
    pub fn steady(seed: u64) -> Self {
        Self { drifts: 0.0, ..Self::of(seed) }
    }

    pub fn run(&mut self, rounds: u32, truth: &Truth) -> Observations {
        let mut seen = Observations { arms: vec!["none".into(), "mesh".into()], ..Default::default() };
        (0..rounds).for_each(|round| self.round(&mut seen, round, truth));
        seen
    }

    pub fn round(&mut self, seen: &mut Observations, round: u32, truth: &Truth) {
        self.drift += self.drifts * (Self::TREND + Self::STEP * self.normal());
        for (arm, truth) in [("none", &Truth::NOTHING), ("mesh", truth)] {
            seen.load.push(self.block(arm, round, truth));
            seen.meters.push(self.reading(arm, round, truth));
        }
    }

    fn block(&mut self, arm: &str, round: u32, truth: &Truth) -> LoadBlock {
        let speed = self.drift + Self::BLOCK * self.normal();
        let mut latency = Histogram::new();
        let mut state = self.normal();
        for _ in 0..REQUESTS {
            state = Self::MEMORY * state + (1.0 - Self::MEMORY.powi(2)).sqrt() * self.normal();
            let body = Self::TYPICAL_NS * (Self::BODY * state).exp();
            let ns = (body + self.tail()) * speed.exp() * truth.factor + truth.added_ns;
            latency.record(ns as u64);
        }
        LoadBlock {
            arm: arm.into(),
            round,
            wall_s: 1.0,
            requests: REQUESTS,
            errors: BTreeMap::new(),
            reconnects: 0,
            connections: 1,
            sequence: Vec::new(),
            latency,
            lag: Histogram::new(),
        }
    }

    fn tail(&mut self) -> f64 {
        if !self.rng.random_bool(Self::TAIL_SHARE) {
            return 0.0;
        }
        Self::TYPICAL_NS * self.rng.random_range(f64::EPSILON..1.0).powf(-1.0 / Self::TAIL_INDEX)
    }

    fn reading(&mut self, arm: &str, round: u32, truth: &Truth) -> Reading {
        let cpu_s = 0.1 * (self.drift + Self::BLOCK * self.normal()).exp() * truth.factor;
        let container = ContainerUse {
            pod: "web".into(),
            container: "app".into(),
            cpu_s,
            cpu_user_s: cpu_s,
            cpu_system_s: 0.0,
            memory_bytes: 1,
            throttled: 0,
        };
        let machine = MachineUse::default();
        Reading {
            phase: Phase::Load,
            arm: arm.into(),
            round,
            started_s: 0.0,
            wall_s: 1.0,
            containers: vec![container],
            links: Vec::new(),
            machine,
        }
    }

    /// A standard normal deviate: Box and Muller, Annals of Mathematical Statistics 29 (1958).
    fn normal(&mut self) -> f64 {
        let (radius, angle): (f64, f64) = (self.rng.random_range(f64::EPSILON..1.0), self.rng.random());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }
}
