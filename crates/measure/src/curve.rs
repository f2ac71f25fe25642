use std::collections::BTreeMap;

use crate::series::{ArmObservations, CLIENT};
use crate::{Histogram, Metric, NODE, Observations, Phase, Reading};

const NS_PER_MS: f64 = 1e6;
const MS_PER_S: f64 = 1e3;

/// Number of steps of [`ArmCurves::percentiles`] for each further nine of the quantile.
const STEPS_PER_NINE: i32 = 10;
const NINES_MAX: i32 = 5;

/// Number of steps of [`ArmCurves::distribution`], each half a percent of the requests.
const SHARES: u32 = 200;

/// The values from which charts of a run are drawn, beside its measurement.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    /// One entry per arm of the observations, in their order.
    pub arms: Vec<ArmCurves>,
    /// Idle windows and blocks in order of their start; empty if the run did not record their times.
    pub stretches: Vec<Stretch>,
}

/// The values from which charts of one arm are drawn.
#[derive(Clone, Debug)]
pub struct ArmCurves {
    /// Name of the arm.
    pub name: String,
    /// Latency in milliseconds at quantiles that are evenly spaced on a logarithmic axis of 1 − q, from q = 0. It ends
    /// where fewer than ten samples lie beyond ([`samples_needed`](crate::samples_needed)).
    pub percentiles: Vec<Quantile>,
    /// Latency in milliseconds at each half percent of the requests, from the fastest to the slowest.
    pub distribution: Vec<Quantile>,
    /// Every metric's values by round (or idle window), from which its effect was computed, by the metric's name.
    pub rounds: BTreeMap<&'static str, BTreeMap<u32, f64>>,
    /// CPU time of the client's pod per request, in milliseconds, which no other figure includes; `None` without
    /// requests.
    pub cpu_client_ms_per_request: Option<f64>,
    /// CPU time that the whole machine spent in software interrupts during the arm's blocks, per request, in
    /// milliseconds; `None` without requests. Interrupted tasks are also charged for it; on an idle processor, no task
    /// is.
    pub cpu_softirq_ms_per_request: Option<f64>,
}

/// A point of a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// Share of the requests that took no longer than this.
    pub q: f64,
    /// Latency, in milliseconds.
    pub ms: f64,
}

/// An idle window or a block of one arm.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Idle window or block.
    pub phase: Phase,
    /// Name of the arm.
    pub arm: String,
    /// Round or number of the idle window, from 0.
    pub round: u32,
    /// Start in seconds since the lab stood.
    pub started_s: f64,
    /// Length in seconds.
    pub wall_s: f64,
    /// Median latency of a block in milliseconds; `None` for idle windows.
    pub latency_ms_p50: Option<f64>,
    /// Cores that the arm's applications and proxies kept busy.
    pub cores: Option<f64>,
    /// Share of the machine's processors that was busy, in percent.
    pub node_percent: Option<f64>,
}

/// Collects what charts need beyond the JSON contract.
pub fn curves(observations: &Observations) -> Curves {
    let arms = observations.arms.iter().map(|name| arm(observations, name)).collect();
    Curves { arms, stretches: stretches(observations) }
}

fn arm(observations: &Observations, name: &str) -> ArmCurves {
    let seen = ArmObservations::of(observations, name);
    let latency = seen.latency();
    let per_round = |metric: Metric| (metric.name(), seen.series(metric).by_round);
    let loaded = observations.meters.iter().filter(|reading| reading.arm == name && reading.phase == Phase::Load);
    let requests: u64 =
        observations.load.iter().filter(|block| block.arm == name).map(|block| block.samples.requests).sum();
    let per_request = |cpu_s: f64| (requests > 0).then(|| cpu_s * MS_PER_S / requests as f64);
    ArmCurves {
        name: name.to_owned(),
        percentiles: percentiles(&latency),
        distribution: distribution(&latency),
        rounds: Metric::ALL.into_iter().map(per_round).collect(),
        cpu_client_ms_per_request: per_request(loaded.clone().map(client_cpu_s).sum()),
        cpu_softirq_ms_per_request: per_request(loaded.map(|reading| reading.machine.softirq_s).sum()),
    }
}

fn percentiles(latency: &Histogram) -> Vec<Quantile> {
    let steps = 0..=NINES_MAX * STEPS_PER_NINE;
    let quantiles = steps.map(|step| 1.0 - 10_f64.powf(-f64::from(step) / f64::from(STEPS_PER_NINE)));
    quantiles.map_while(|q| Some(Quantile { q, ms: latency.quantile_ns(q)? / NS_PER_MS })).collect()
}

fn distribution(latency: &Histogram) -> Vec<Quantile> {
    let shares = (0..=SHARES).map(|share| f64::from(share) / f64::from(SHARES));
    shares.map_while(|q| Some(Quantile { q, ms: latency.block_quantile_ns(q)? / NS_PER_MS })).collect()
}

fn client_cpu_s(reading: &Reading) -> f64 {
    reading.containers.iter().filter(|container| container.pod == CLIENT).fold(0.0, |sum, one| sum + one.cpu_s)
}

fn stretches(observations: &Observations) -> Vec<Stretch> {
    if observations.meters.iter().all(|reading| reading.started_s == 0.0) {
        return Vec::new();
    }
    let mut stretches: Vec<Stretch> =
        observations.meters.iter().map(|reading| stretch(observations, reading)).collect();
    stretches.sort_by(|left, right| left.started_s.total_cmp(&right.started_s));
    stretches
}

fn stretch(observations: &Observations, reading: &Reading) -> Stretch {
    let Reading { phase, round, started_s, wall_s, machine, .. } = *reading;
    let block = observations.load.iter().find(|block| block.arm == reading.arm && block.round == round);
    let latency_ns =
        block.filter(|_| phase == Phase::Load).and_then(|block| block.samples.latency.block_quantile_ns(0.5));
    let is_outside = |pod: &str| pod == CLIENT || pod == NODE;
    let containers = reading.containers.iter().filter(|container| !is_outside(&container.pod));
    let cpu_s = containers.fold(0.0, |sum, container| sum + container.cpu_s);
    Stretch {
        phase,
        arm: reading.arm.clone(),
        round,
        started_s,
        wall_s,
        latency_ms_p50: latency_ns.map(|ns| ns / NS_PER_MS),
        cores: (wall_s > 0.0).then(|| cpu_s / wall_s),
        node_percent: (machine.capacity_s > 0.0).then(|| machine.busy_s * 100.0 / machine.capacity_s),
    }
}

#[cfg(test)]
mod tests;
