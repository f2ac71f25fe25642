//! A simulated machine that is as irregular as real ones, and whose truth is known.

use std::fmt;

use measure::{ContainerUse, Histogram, LoadBlock, MachineUse, Observations, Phase, Reading, Samples, Stands};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const REQUESTS: u64 = 100;

/// What the arm adds to each latency.
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
        write!(f, "x {:.3} + {} ms", self.factor, self.added_ns / 1e6)
    }
}

/// Latencies of 2 ms with a lognormal body, and a Pareto tail on one in fifty. They are correlated within a block. The
/// speed drifts and grows from block to block, and there is weather: each block resembles the one before, whichever arm
/// had it.
pub struct Machine {
    rng: ChaCha8Rng,
    drift: f64,
    /// The weather of the previous block, in standard deviations.
    weather: f64,
    is_steady: bool,
    /// Rounds of each stand-up; `None` with one stand-up.
    rounds_per_stand: Option<u32>,
    /// How much slower each arm's processes are for as long as they live, as a logarithm.
    lives: [f64; 2],
}

impl Machine {
    const TYPICAL_NS: f64 = 2e6;
    /// Standard deviation of the logarithm of the body.
    const BODY: f64 = 0.25;
    /// Correlation between neighbouring requests.
    const MEMORY: f64 = 0.5;
    const TAIL_SHARE: f64 = 0.02;
    const TAIL_INDEX: f64 = 2.5;
    /// Standard deviation of the logarithm of a block's speed; below, the correlation between neighbouring blocks.
    const WEATHER: f64 = 0.02;
    const WEATHER_MEMORY: f64 = 0.6;
    /// Standard deviation of a block's step of the drift; below, its mean.
    const STEP: f64 = 0.007;
    const TREND: f64 = 0.0025;
    /// Standard deviation of the part of CPU time that is a block's own.
    const CPU: f64 = 0.01;
    /// Standard deviation of the differences between processes, which last as long as they live.
    const LIFE: f64 = 0.02;

    pub fn of(seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { rng, drift: 0.0, weather: 0.0, is_steady: false, rounds_per_stand: None, lives: [0.0; 2] }
    }

    /// A machine without drift, with independent blocks.
    #[allow(dead_code, reason = "this crate's own tests simulate drifting machines only")]
    pub fn steady(seed: u64) -> Self {
        Self { is_steady: true, ..Self::of(seed) }
    }

    /// A machine on which the lab is set up anew after this many rounds.
    #[allow(dead_code, reason = "this crate's own tests simulate one stand-up only")]
    pub fn with_stands(seed: u64, rounds: u32) -> Self {
        Self { rounds_per_stand: Some(rounds), ..Self::of(seed) }
    }

    pub fn run(&mut self, rounds: u32, truth: &Truth) -> Observations {
        let mut seen = Observations { arms: vec!["none".into(), "mesh".into()], ..Default::default() };
        seen.stands = self.rounds_per_stand.map(|rounds| Stands { rounds, longer: 0, windows: 0 });
        (0..rounds).for_each(|round| self.round(&mut seen, round, truth));
        seen
    }

    pub fn round(&mut self, seen: &mut Observations, round: u32, truth: &Truth) {
        if self.rounds_per_stand.is_some_and(|rounds| round.is_multiple_of(rounds)) {
            self.lives = [(); 2].map(|()| Self::LIFE * self.normal());
        }
        let mut order = [("none", Truth::NOTHING, self.lives[0]), ("mesh", *truth, self.lives[1])];
        if self.rng.random() {
            order.reverse();
        }
        for (arm, truth, life) in order {
            let speed = self.next_speed() + life;
            seen.load.push(self.block(arm, round, speed, &truth));
            seen.meters.push(self.reading(arm, round, speed, &truth));
        }
    }

    fn next_speed(&mut self) -> f64 {
        if self.is_steady {
            return Self::WEATHER * self.normal();
        }
        self.drift += Self::TREND + Self::STEP * self.normal();
        self.weather = self.next(self.weather, Self::WEATHER_MEMORY);
        self.drift + Self::WEATHER * self.weather
    }

    /// The next value of a series of standard normal deviates with this correlation between neighbours.
    fn next(&mut self, before: f64, correlation: f64) -> f64 {
        correlation * before + (1.0 - correlation.powi(2)).sqrt() * self.normal()
    }

    fn block(&mut self, arm: &str, round: u32, speed: f64, truth: &Truth) -> LoadBlock {
        let mut latency = Histogram::new();
        let mut state = self.normal();
        for _ in 0..REQUESTS {
            state = self.next(state, Self::MEMORY);
            let body = Self::TYPICAL_NS * (Self::BODY * state).exp();
            let ns = (body + self.tail()) * speed.exp() * truth.factor + truth.added_ns;
            latency.record(ns as u64);
        }
        LoadBlock {
            arm: arm.into(),
            round,
            samples: Samples { wall_s: 1.0, requests: REQUESTS, connections: 1, latency, ..Samples::default() },
        }
    }

    fn tail(&mut self) -> f64 {
        if !self.rng.random_bool(Self::TAIL_SHARE) {
            return 0.0;
        }
        Self::TYPICAL_NS * self.rng.random_range(f64::EPSILON..1.0).powf(-1.0 / Self::TAIL_INDEX)
    }

    fn reading(&mut self, arm: &str, round: u32, speed: f64, truth: &Truth) -> Reading {
        let cpu_s = 0.1 * (speed + Self::CPU * self.normal()).exp() * truth.factor;
        let container = ContainerUse {
            pod: "web".into(),
            container: "app".into(),
            cpu_s,
            cpu_user_s: cpu_s,
            memory_bytes: 1,
            ..ContainerUse::default()
        };
        Reading {
            phase: Phase::Load,
            arm: arm.into(),
            round,
            started_s: 0.0,
            suspended_s: 0.0,
            wall_s: 1.0,
            containers: vec![container],
            links: Vec::new(),
            machine: MachineUse::default(),
        }
    }

    /// A standard normal deviate: Box and Muller, Annals of Mathematical Statistics 29 (1958).
    fn normal(&mut self) -> f64 {
        let (radius, angle): (f64, f64) = (self.rng.random_range(f64::EPSILON..1.0), self.rng.random());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }
}
