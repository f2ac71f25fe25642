use super::*;

const MS: u64 = 1_000_000;
const MIB: u64 = 1_048_576;

/// A run whose truth is known: `rounds` rounds of `requests` requests; the machine drifts by 1 ms a round.
struct Run {
    rounds: u32,
    requests: u64,
    /// Latency of the arm, given that of the baseline.
    latency_ns: fn(u64) -> u64,
    /// CPU time of the arm's proxy per block, in seconds.
    proxy_cpu_s: f64,
}

impl Run {
    fn plain() -> Self {
        Self { rounds: 10, requests: 100, latency_ns: |base| base, proxy_cpu_s: 0.5 }
    }

    fn observations(&self) -> Observations {
        let mut seen = Observations { arms: vec!["none".into(), "sidecar".into()], ..Default::default() };
        for window in 0..8 {
            seen.meters.push(self.reading(Phase::Idle, "none", window));
            seen.meters.push(self.reading(Phase::Idle, "sidecar", window));
            seen.meters.push(self.reading(Phase::IdleWarm, "none", window));
            seen.meters.push(self.reading(Phase::IdleWarm, "sidecar", window));
        }
        for round in 0..self.rounds {
            let base_ns = |request: u64| 10 * MS + u64::from(round) * MS + request * 10_000;
            seen.load.push(block("none", round, (0..self.requests).map(base_ns)));
            let arm_ns = |request: u64| (self.latency_ns)(base_ns(request));
            seen.load.push(block("sidecar", round, (0..self.requests).map(arm_ns)));
            seen.meters.push(self.reading(Phase::Load, "none", round));
            seen.meters.push(self.reading(Phase::Load, "sidecar", round));
        }
        seen
    }

    /// Idle: 0.1 CPU-s and 40 MiB for the application; after the warm-up 0.2 CPU-s and 42 MiB. Loaded: 1 CPU-s and 50
    /// MiB. The proxy: 30 MiB, and the given CPU time. The client's proxy: 2 CPU-s and 9 MiB. The node's DNS: 0.3
    /// CPU-s.
    fn reading(&self, phase: Phase, arm: &str, round: u32) -> Reading {
        let (cpu_s, memory) = match phase {
            Phase::Idle => (0.1, 40 * MIB),
            Phase::IdleWarm => (0.2, 42 * MIB),
            Phase::Load => (1.0, 50 * MIB),
        };
        let mut containers = vec![used("client", "app", 77.0, 999 * MIB), used("web-v1", "app", cpu_s, memory)];
        if arm == "sidecar" {
            containers.push(used("client", "proxy", 2.0, 9 * MIB));
            containers.push(used("web-v1", "proxy", self.proxy_cpu_s, 30 * MIB));
        }
        containers.push(used(NODE, "dns", 0.3, 99 * MIB));
        let machine = MachineUse { busy_s: 3.0, softirq_s: 0.1, steal_s: 0.0, capacity_s: 20.0, ..Default::default() };
        Reading {
            phase,
            arm: arm.into(),
            round,
            started_s: 0.0,
            wall_s: 10.0,
            suspended_s: 0.0,
            containers,
            links: Vec::new(),
            machine,
        }
    }
}

fn used(pod: &str, container: &str, cpu_s: f64, memory_bytes: u64) -> ContainerUse {
    let (pod, container) = (pod.into(), container.into());
    ContainerUse { pod, container, cpu_s, cpu_user_s: cpu_s, cpu_system_s: 0.0, memory_bytes, throttled: 0 }
}

fn block(arm: &str, round: u32, latencies_ns: impl Iterator<Item = u64>) -> LoadBlock {
    let (mut latency, mut lag) = (Histogram::new(), Histogram::new());
    for value in latencies_ns {
        latency.record(value);
        lag.record(100);
    }
    let requests = latency.count();
    LoadBlock {
        arm: arm.into(),
        round,
        samples: Samples { wall_s: 10.0, requests, latency, lag, ..Samples::default() },
    }
}

fn effect_of(observations: &Observations, metric: Metric) -> Effect {
    let Measured { effects, .. } = measure(observations, &Options::default());
    effects.into_iter().find(|effect| effect.metric == metric.name()).unwrap()
}

fn near(told: Option<f64>, truth: f64, tolerance: f64) {
    let told = told.expect("a figure");
    assert!((told - truth).abs() <= tolerance, "{told} instead of {truth}");
}

/// Checks that the interval holds the truth and, since every round has the same effect, is about as narrow as the
/// histogram allows.
fn holds(interval: Option<[f64; 2]>, truth: f64, width: f64) {
    let [low, high] = interval.expect("an interval");
    assert!(low <= truth + width / 2.0 && truth - width / 2.0 <= high, "[{low}, {high}] misses {truth}");
    assert!(high - low <= width, "[{low}, {high}] is wider than {width}");
}

#[test]
fn a_constant_is_a_difference() {
    let seen = Run { latency_ns: |base| base + 2 * MS, ..Run::plain() }.observations();
    for metric in [Metric::LatencyMsMean, Metric::LatencyMsP50, Metric::LatencyMsP90] {
        let effect = effect_of(&seen, metric);
        near(effect.difference, 2.0, 0.015);
        // A few buckets: at 15 ms they are 8 µs wide, above 16.8 ms 16 µs.
        holds(effect.difference_ci95, 2.0, 0.05);
    }
    let wait = effect_of(&seen, Metric::WaitSTotal);
    near(wait.difference, 2.0, 0.015);
    holds(wait.difference_ci95, 2.0, 0.03);
}

#[test]
fn intervals_over_stand_ups_hold_what_differs_from_one_to_the_next() {
    // Ten stand-ups of five rounds; in every other one the arm is 3 % slower, in the rest 1 % faster.
    let mut seen = Run { rounds: 50, ..Run::plain() }.observations();
    for block in seen.load.iter_mut().filter(|block| block.arm == "sidecar") {
        let percent = if block.round / 5 % 2 == 0 { 103 } else { 99 };
        let slower =
            block.samples.latency.recorded().flat_map(|(ns, count)| (0..count).map(move |_| ns * percent / 100));
        block.samples.latency = self::block("sidecar", block.round, slower).samples.latency;
    }
    let ratio = |seen: &Observations| effect_of(seen, Metric::LatencyMsMean).ratio_ci95.unwrap();
    let by_round = ratio(&seen);
    assert!(by_round[0] > 1.0, "five rounds of one process are no five processes, and yet: {by_round:?}");
    seen.stands = Some(Stands { rounds: 5, longer: 0, windows: 8 });
    let by_stand = ratio(&seen);
    assert!(by_stand[0] < 1.0 && by_stand[1] > by_round[1], "{by_stand:?} is no wider than {by_round:?}");
}

#[test]
fn memory_and_figures_at_rest_have_intervals_over_stand_ups_only() {
    // What processes hold under load also differs between stand-ups, and blocks of one stand-up repeat it.
    const OF_A_LIFE: [Metric; 10] = [
        Metric::CpuIdleCores,
        Metric::CpuIdleWarmCores,
        Metric::MemoryIdleMib,
        Metric::MemoryIdleWarmMib,
        Metric::MemoryGrowthMib,
        Metric::MemoryLoadedMib,
        Metric::MemoryProxyMib,
        Metric::MemoryIdleWithClientProxyMib,
        Metric::MemoryIdleWarmWithClientProxyMib,
        Metric::MemoryLoadedWithClientProxyMib,
    ];
    let mut seen = Run { rounds: 12, ..Run::plain() }.observations();
    // 8 KiB more in every window: a chance of this stand-up, which its windows repeat.
    for reading in seen.meters.iter_mut().filter(|reading| reading.phase != Phase::Load && reading.arm == "sidecar") {
        reading.containers[1].memory_bytes += 8 * 1024;
    }
    for metric in OF_A_LIFE {
        let effect = effect_of(&seen, metric);
        assert!(effect.difference.is_some(), "{}", metric.name());
        assert_eq!(
            (effect.difference_ci95, effect.ratio_ci95, effect.units),
            (None, None, Some(1)),
            "{}",
            metric.name()
        );
    }
    assert_eq!(effect_of(&seen, Metric::CpuWithClientProxyMsPerRequest).units, Some(12));
    seen.stands = Some(Stands { rounds: 1, longer: 0, windows: 1 });
    for metric in OF_A_LIFE {
        let effect = effect_of(&seen, metric);
        assert!(effect.difference_ci95.is_some() && effect.units >= Some(8), "{}: {effect:?}", metric.name());
    }
}

#[test]
fn growth_is_beyond_what_the_same_stand_up_held() {
    let mut seen = Run { rounds: 8, ..Run::plain() }.observations();
    // One stand-up of the arm holds more than another, at rest and under load alike.
    for reading in seen.meters.iter_mut().filter(|reading| reading.arm == "sidecar") {
        reading.containers[1].memory_bytes += u64::from(reading.round) * MIB;
    }
    seen.stands = Some(Stands { rounds: 1, longer: 0, windows: 1 });
    let effect = effect_of(&seen, Metric::MemoryGrowthMib);
    near(effect.difference, 0.0, 1e-9);
    holds(effect.difference_ci95, 0.0, 1e-9);
}

#[test]
fn a_factor_is_a_ratio() {
    let seen = Run { latency_ns: |base| base * 11 / 10, ..Run::plain() }.observations();
    for metric in [Metric::LatencyMsMean, Metric::LatencyMsP50, Metric::LatencyMsP90, Metric::WaitSTotal] {
        let effect = effect_of(&seen, metric);
        near(effect.ratio, 1.1, 0.001);
        holds(effect.ratio_ci95, 1.1, 0.004);
    }
}

#[test]
fn every_figure_of_a_known_run() {
    let Measured { arms, .. } = measure(&Run::plain().observations(), &Options::default());
    let check = |metric: Metric, none: f64, sidecar: f64, count: u64| {
        for (arm, truth) in arms.iter().zip([none, sidecar]) {
            let value = &arm.metrics[metric.name()];
            near(value.value, truth, truth * 0.001 + 1e-9);
            assert_eq!((value.count, value.unit.as_str()), (count, metric.unit()), "{} of {}", metric.name(), arm.name);
        }
    };
    check(Metric::LatencyMsMean, 14.995, 14.995, 1_000);
    check(Metric::WaitSTotal, 14.995, 14.995, 10);
    check(Metric::Requests, 1_000.0, 1_000.0, 10);
    check(Metric::Errors, 0.0, 0.0, 10);
    check(Metric::CpuMsPerRequest, 10.0, 15.0, 10);
    check(Metric::CpuAppMsPerRequest, 10.0, 10.0, 10);
    check(Metric::CpuProxyMsPerRequest, 0.0, 5.0, 10);
    check(Metric::CpuSTotal, 10.0, 15.0, 10);
    check(Metric::CpuIdleCores, 0.01, 0.06, 8);
    check(Metric::CpuPeakCores, 0.1, 0.15, 10);
    check(Metric::CpuNodePercent, 15.0, 15.0, 10);
    check(Metric::MemoryIdleMib, 40.0, 70.0, 8);
    check(Metric::MemoryLoadedMib, 50.0, 80.0, 10);
    check(Metric::MemoryGrowthMib, 10.0, 10.0, 10);
    check(Metric::MemoryProxyMib, 0.0, 30.0, 10);
    check(Metric::CpuWithClientProxyMsPerRequest, 10.0, 35.0, 10);
    check(Metric::CpuDnsMsPerRequest, 3.0, 3.0, 10);
    check(Metric::CpuIdleWarmCores, 0.02, 0.07, 8);
    check(Metric::MemoryIdleWarmMib, 42.0, 72.0, 8);
    check(Metric::MemoryIdleWithClientProxyMib, 40.0, 79.0, 8);
    check(Metric::MemoryIdleWarmWithClientProxyMib, 42.0, 81.0, 8);
    check(Metric::MemoryLoadedWithClientProxyMib, 50.0, 89.0, 10);
    check(Metric::CpuKubeletMsPerRequest, 0.0, 0.0, 10);
}

/// One sidecar beside the client's uses half a CPU-second in a block of a hundred requests, and 30 MiB.
#[test]
fn a_sidecar_uses_its_share() {
    let Measured { arms, .. } = measure(&Run::plain().observations(), &Options::default());
    assert_eq!(sidecar_use(&arms[0]), None);
    let used = sidecar_use(&arms[1]).unwrap();
    assert_eq!(used.sidecars, 1);
    near(Some(used.cpu_ms_per_request), 5.0, 1e-9);
    near(Some(used.cpu_s_per_1000_requests), 5.0, 1e-9);
    near(Some(used.memory_mib), 30.0, 1e-9);
    let of_two = Arm { proxies: Some(2), ..arms[1].clone() };
    near(sidecar_use(&of_two).map(|used| used.memory_mib), 15.0, 1e-9);
}

#[test]
fn a_spread_is_that_of_its_own_figure() {
    let spread = |run: Run, metric: Metric| {
        let Measured { arms, .. } = measure(&run.observations(), &Options::default());
        arms[0].metrics[metric.name()].stddev
    };
    for metric in [Metric::WaitSTotal, Metric::CpuSTotal, Metric::CpuPeakCores, Metric::Requests] {
        assert_eq!(spread(Run::plain(), metric), None, "{}: no block has a total or a maximum", metric.name());
    }
    for metric in [Metric::LatencyMsMean, Metric::LatencyMsP50, Metric::LatencyMsP90, Metric::CpuMsPerRequest] {
        assert!(spread(Run::plain(), metric).is_some(), "{}", metric.name());
    }
    // The slowest of 99 requests, or of 999, are not a p90 or a p99.
    assert_eq!(spread(Run { requests: 99, ..Run::plain() }, Metric::LatencyMsP90), None);
    assert_eq!(spread(Run { requests: 999, ..Run::plain() }, Metric::LatencyMsP99), None);
    assert!(spread(Run { requests: 1_000, ..Run::plain() }, Metric::LatencyMsP99).is_some());
}

#[test]
fn effects_on_resources() {
    let seen = Run::plain().observations();
    let total = effect_of(&seen, Metric::CpuSTotal);
    near(total.difference, 5.0, 1e-9);
    near(total.ratio, 1.5, 1e-9);
    let peak = effect_of(&seen, Metric::CpuPeakCores);
    near(peak.difference, 0.05, 1e-9);
    assert_eq!((peak.difference_ci95, peak.ratio_ci95), (None, None));
    let proxy = effect_of(&seen, Metric::MemoryProxyMib);
    near(proxy.difference, 30.0, 1e-9);
    assert_eq!((proxy.ratio, proxy.ratio_ci95), (None, None), "the baseline has no proxy");
}

#[test]
fn five_rounds_have_no_interval() {
    let seen = Run { rounds: 5, requests: 300, latency_ns: |base| base * 2, ..Run::plain() }.observations();
    let effect = effect_of(&seen, Metric::LatencyMsMean);
    near(effect.ratio, 2.0, 0.002);
    assert_eq!((effect.ratio_ci95, effect.difference_ci95), (None, None));
}

#[test]
fn a_quantile_with_too_few_samples_is_null() {
    let seen = Run { requests: 99, ..Run::plain() }.observations();
    let Measured { arms, .. } = measure(&seen, &Options::default());
    assert_eq!(arms[0].metrics["latency_ms_p99"].value, None);
    let effect = effect_of(&seen, Metric::LatencyMsP99);
    assert_eq!((effect.ratio, effect.difference, effect.difference_ci95), (None, None, None));
}

#[test]
fn only_rounds_of_both_arms_are_compared() {
    let mut seen = Run { latency_ns: |base| base + 2 * MS, ..Run::plain() }.observations();
    seen.load.push(block("none", 10, std::iter::repeat_n(900 * MS, 100)));
    near(effect_of(&seen, Metric::LatencyMsMean).difference, 2.0, 0.015);
    assert!(kinds(&seen).contains(&"unpaired_rounds".to_owned()));
}

#[test]
fn nothing_observed_gives_nulls() {
    let nothing = Observations { arms: vec!["a".into(), "b".into()], ..Default::default() };
    let Measured { arms, effects, .. } = measure(&nothing, &Options::default());
    assert!(
        arms.iter().all(
            |arm| arm.metrics.len() == Metric::ALL.len() && arm.metrics.values().all(|value| value.value.is_none())
        )
    );
    assert!(
        effects.len() == Metric::ALL.len()
            && effects.iter().all(|effect| effect.ratio.is_none() && effect.difference.is_none())
    );
}

#[test]
fn same_observations_same_bytes() {
    let seen = Run { latency_ns: |base| base + 2 * MS, ..Run::plain() }.observations();
    let text = |seen: &Observations| {
        let Measured { arms, effects, .. } = measure(seen, &Options::default());
        serde_json::to_string(&(&arms, &effects, cautions(seen, &arms, &effects))).unwrap()
    };
    let lines: Vec<String> = seen.load.iter().map(|block| serde_json::to_string(block).unwrap()).collect();
    let load = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(text(&seen), text(&Observations { load, ..seen.clone() }));
}

#[test]
fn metrics_are_known_by_their_names() {
    let names: std::collections::BTreeSet<_> = Metric::ALL.into_iter().map(Metric::name).collect();
    assert_eq!(names.len(), Metric::ALL.len());
    assert!(Metric::ALL.into_iter().all(|metric| metric.meaning().ends_with('.')));
}

fn kinds(seen: &Observations) -> Vec<String> {
    let Measured { arms, effects, .. } = measure(seen, &Options::default());
    cautions(seen, &arms, &effects).into_iter().map(|caution| caution.kind).collect()
}
