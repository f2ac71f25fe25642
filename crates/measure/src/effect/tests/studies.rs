//! The two studies that this project started from, each a single run. Their percentages follow from their own figures.

use super::*;
use crate::{ContainerUse, Histogram, LoadBlock, MachineUse, Phase, Reading, Samples};

const REQUESTS: u64 = 1_500;

/// The figures that a study printed for one arm. Those it did not print are 1.
#[derive(Clone, Copy)]
struct Figures {
    wait_s: f64,
    cpu_s: f64,
    cpu_idle_cores: f64,
    memory_idle: f64,
    memory_loaded: f64,
    node_percent: f64,
    p50_ms: f64,
    p90_ms: f64,
}

const ONES: Figures = Figures {
    wait_s: 1.0,
    cpu_s: 1.0,
    cpu_idle_cores: 1.0,
    memory_idle: 1.0,
    memory_loaded: 1.0,
    node_percent: 1.0,
    p50_ms: 1.0,
    p90_ms: 1.0,
};

/// KuberNerds (2021): 1,500 sequential requests.
fn sequential(wait_s: f64, cpu_s: f64, cpu_idle_cores: f64, memory_idle: f64, memory_loaded: f64) -> Figures {
    Figures { wait_s, cpu_s, cpu_idle_cores, memory_idle, memory_loaded, ..ONES }
}

/// Perry and Kruze (2020): response times under 500 users.
fn users(node_percent: f64, p50_ms: f64, p90_ms: f64) -> Figures {
    Figures { node_percent, p50_ms, p90_ms, ..ONES }
}

impl Figures {
    /// Adds one round of this arm as it would have been observed. Latencies are those of one study or the other.
    fn add_to(&self, seen: &mut Observations, arm: &str, waits: bool) {
        let mut latency = Histogram::new();
        for request in 0..REQUESTS {
            let quantile_ms = if request < REQUESTS * 8 / 10 { self.p50_ms } else { self.p90_ms };
            let ms = if waits { self.wait_s * 1e3 / REQUESTS as f64 } else { quantile_ms };
            latency.record((ms * 1e6) as u64);
        }
        seen.arms.push(arm.to_owned());
        seen.load.push(LoadBlock {
            arm: arm.to_owned(),
            samples: Samples { requests: REQUESTS, latency, ..Samples::default() },
            ..LoadBlock::default()
        });
        seen.meters.push(self.reading(arm, Phase::Idle, self.cpu_idle_cores, self.memory_idle));
        seen.meters.push(self.reading(arm, Phase::Load, self.cpu_s, self.memory_loaded));
    }

    fn reading(&self, arm: &str, phase: Phase, cpu_s: f64, memory: f64) -> Reading {
        let memory_bytes = (memory * 1_048_576.0) as u64;
        let used =
            ContainerUse { pod: "web".into(), container: "app".into(), cpu_s, memory_bytes, ..Default::default() };
        let machine = MachineUse { busy_s: self.node_percent, capacity_s: 100.0, ..Default::default() };
        Reading {
            phase,
            arm: arm.to_owned(),
            round: 0,
            started_s: 0.0,
            suspended_s: 0.0,
            wall_s: 1.0,
            containers: vec![used],
            links: Vec::new(),
            machine,
        }
    }
}

/// The change of a metric between two arms, in percent.
fn percent(metric: Metric, base: &Figures, arm: &Figures) -> f64 {
    let mut seen = Observations::default();
    let waits = metric == Metric::WaitSTotal;
    base.add_to(&mut seen, "base", waits);
    arm.add_to(&mut seen, "arm", waits);
    let Measured { effects, .. } = measure(&seen, &Options::default());
    let effect = effects.iter().find(|effect| effect.metric == metric.name()).unwrap();
    assert_eq!((effect.ratio_ci95, effect.p_value), (None, None), "a single run has no interval");
    (effect.ratio.unwrap() - 1.0) * 100.0
}

/// Checks within the histogram's resolution and the last digit of the study's own percentage.
fn check(metric: Metric, base: &Figures, arm: &Figures, printed: f64) {
    let told = percent(metric, base, arm);
    assert!((told - printed).abs() < 0.15, "{} {told:.2} % instead of {printed} %", metric.name());
}

#[test]
fn istio_on_minikube_and_eks() {
    let local = (sequential(36.81, 59.33, 0.0155, 423.2, 476.44), sequential(46.15, 67.33, 0.043, 683.72, 747.97));
    let eks = (sequential(66.67, 47.0, 0.008, 354.9, 400.6), sequential(74.88, 51.42, 0.015, 611.0, 658.0));
    let simple = (sequential(41.60, 3.91, 0.008, 100.8, 102.2), sequential(58.26, 6.8, 0.01, 233.8, 235.3));
    let metrics =
        [Metric::WaitSTotal, Metric::CpuSTotal, Metric::CpuIdleCores, Metric::MemoryIdleMib, Metric::MemoryLoadedMib];
    for ((base, istio), printed) in [
        (local, [25.4, 13.5, 177.4, 61.6, 57.0]),
        (eks, [12.3, 9.4, 87.5, 72.2, 64.3]),
        (simple, [40.0, 73.9, 25.0, 131.9, 130.2]),
    ] {
        metrics.into_iter().zip(printed).for_each(|(metric, printed)| check(metric, &base, &istio, printed));
    }
    check(Metric::MemoryGrowthMib, &local.0, &local.1, 20.7);
    // Peaks come from the busiest block.
    let peak = |cores| Figures { cpu_s: cores, ..ONES };
    check(Metric::CpuPeakCores, &peak(0.326), &peak(0.333), 2.1);
    check(Metric::CpuPeakCores, &peak(0.0254), &peak(0.037), 45.7);
}

/// The smallest and the greatest change in percent. A figure rounded to whole units may be off by half a unit.
fn extremes(metric: Metric, base: &Figures, arm: &Figures) -> [f64; 2] {
    let moved = |figures: &Figures, by: f64| users(figures.node_percent + by, figures.p50_ms + by, figures.p90_ms + by);
    [-0.5, 0.5].map(|half| percent(metric, &moved(base, -half), &moved(arm, half)))
}

#[test]
fn istio_and_tcptop_under_500_users() {
    let (base, istio, tcptop) = (users(13.0, 16.0, 33.0), users(22.0, 25.0, 48.0), users(14.0, 16.0, 33.0));
    for (metric, arm, printed, [low, high]) in [
        (Metric::CpuNodePercent, &istio, 69.2, [59.0, 80.0]),
        (Metric::LatencyMsP50, &istio, 56.25, [48.0, 65.0]),
        (Metric::LatencyMsP90, &istio, 45.45, [42.0, 49.0]),
        (Metric::CpuNodePercent, &tcptop, 7.7, [0.0, 16.0]),
        (Metric::LatencyMsP50, &tcptop, 0.0, [-6.0, 6.0]),
        (Metric::LatencyMsP90, &tcptop, 0.0, [-3.0, 3.0]),
    ] {
        check(metric, &base, arm, printed);
        let told = extremes(metric, &base, arm);
        let near = |told: f64, printed: f64| (told - printed).abs() < 0.7;
        assert!(near(told[0], low) && near(told[1], high), "{}: {told:?} instead of [{low}, {high}]", metric.name());
    }
}
