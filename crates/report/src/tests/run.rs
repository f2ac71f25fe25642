use measure::{
    Arm, Caution, ClientProxyUse, ConnectionUse, Edge, Effect, Environment, Measurement, MemorySource, Metric, SCHEMA,
    ServiceCount, Subject, Value,
};

/// Figures of an arm for the first of [`Metric::ALL`], in their order, for a run of 1,500 requests and ten rounds:
/// those that the first runs had.
pub(crate) type Figures = [Option<f64>; 20];

pub(crate) const NONE: Figures = figures([
    1.984, 1.902, 2.414, 3.871, 2.976, 1500.0, 0.0, 1.853, 1.853, 0.0, 2.780, 0.003_12, 0.068_1, 4.21, 81.42, 83.07,
    1.65, 0.0, 8214.0, 41.3,
]);
pub(crate) const SIDECAR: Figures = figures([
    6.194, 5.957, 7.323, 9.981, 9.291, 1500.0, 0.0, 5.744, 1.871, 3.873, 8.616, 0.031_24, 0.171, 9.87, 223.4, 231.9,
    8.5, 148.6, 14_390.0, 60.1,
]);
pub(crate) const EBPF: Figures = figures([
    1.991, 1.908, 2.421, 3.9, 2.987, 1500.0, 0.0, 1.871, 1.871, 0.0, 2.807, 0.003_12, 0.069, 4.3, 81.42, 83.1, 1.68,
    0.0, 8214.0, 41.3,
]);

const fn figures(figures: [f64; 20]) -> Figures {
    let mut all = [None; 20];
    let mut index = 0;
    while index < 20 {
        all[index] = Some(figures[index]);
        index += 1;
    }
    all
}

fn arm(name: &str, figures: &Figures, rounds: u64) -> Arm {
    let value = |(metric, value): (Metric, Option<f64>)| {
        let name = metric.name();
        let count = match metric {
            Metric::MemoryIdleMib | Metric::CpuIdleCores => 8,
            _ if name.starts_with("latency") => 150 * rounds,
            _ => rounds,
        };
        // As for blocks of 150 requests: enough for p90, but not for p99.
        let is_alike =
            !matches!(metric.unit(), "s" | "1") && ![Metric::CpuPeakCores, Metric::LatencyMsP99].contains(&metric);
        let stddev = value.filter(|_| count > 1 && is_alike).map(|figure| figure * 0.034);
        (name.to_owned(), Value { value, unit: metric.unit().to_owned(), count, stddev })
    };
    let metrics = Metric::ALL.into_iter().zip(*figures).map(value).collect();
    Arm {
        name: name.to_owned(),
        metrics,
        proxies: None,
        services: Vec::new(),
        edges: Vec::new(),
        recorded: None,
        gateway: None,
        programs: None,
        client_proxy: None,
        held: None,
    }
}

/// Effects whose intervals reach `reach` of the larger figure to either side. With fewer than six rounds there are
/// none, and with one stand-up memory and figures at rest have none.
fn effects(name: &str, base: &Figures, figures: &Figures, reach: f64, rounds: u64) -> Vec<Effect> {
    let effect = |(metric, (base, value)): (Metric, (&Option<f64>, &Option<f64>))| {
        let once = metric.is_of_a_life() || metric == Metric::CpuPeakCores;
        let paired = !once && rounds >= 6;
        let pair = base.zip(*value);
        let difference = pair.map(|(base, value)| value - base);
        let ratio = pair.filter(|(base, value)| *base > 0.0 && *value > 0.0).map(|(base, value)| value / base);
        let half = pair.map_or(0.0, |(base, value)| if base == value { 0.0 } else { reach * base.max(value) });
        let around = |middle: f64, half: f64| [middle - half, middle + half];
        Effect {
            arm: name.to_owned(),
            metric: metric.name().to_owned(),
            ratio,
            ratio_ci95: ratio
                .filter(|_| paired)
                .map(|ratio| around(ratio, if half > 0.0 { ratio * reach } else { 0.0 })),
            difference,
            units: difference.map(|_| if once { 1 } else { u32::try_from(rounds).expect("few rounds") }),
            difference_ci95: difference.filter(|_| paired).map(|difference| around(difference, half)),
            ..Effect::default()
        }
    };
    Metric::ALL.into_iter().zip(base.iter().zip(figures)).map(effect).collect()
}

/// A run of 1,500 requests per arm whose first arm is the baseline. For `reach` see [`effects`].
pub(crate) fn run(arms: &[(&str, &Figures)], rounds: u32, reach: f64) -> Measurement {
    let (base, others) = arms.split_first().expect("a run has a baseline");
    let rounds_seen = u64::from(rounds);
    Measurement {
        telemetry: Vec::new(),
        faults: Vec::new(),
        schema: SCHEMA.to_owned(),
        experiment: Subject {
            name: "bookinfo-lean".to_owned(),
            topology: "bookinfo-lean".to_owned(),
            target: "http://productpage:9080/productpage".to_owned(),
            rounds,
            rounds_asked: None,
            left_out: Vec::new(),
            drop_foreign: None,
            stands: None,
            requests: 1500,
            think_ms: 0.5,
            pace_ms: 0.0,
            users: None,
            rate_per_s: None,
            round_trip_ms: 0.0,
            timeout_ms: None,
            connection: ConnectionUse::New,
            seed: 7,
            complete: true,
        },
        environment: Environment {
            meshtax: "0.1.0".to_owned(),
            envoy: None,
            kernel: "6.18.0".to_owned(),
            system: "Debian GNU/Linux 13 (trixie)".to_owned(),
            processor: "Example CPU 3.0 GHz".to_owned(),
            cores: 2,
            memory_mib: 7936,
            cgroups: "v2".to_owned(),
            memory_source: MemorySource::WorkingSet,
            awake: false,
            interrupts_apart: None,
            started: "2026-01-02T03:04:05Z".to_owned(),
        },
        arms: arms.iter().map(|(name, figures)| arm(name, figures, rounds_seen)).collect(),
        effects: others.iter().flat_map(|(name, figures)| effects(name, base.1, figures, reach, rounds_seen)).collect(),
        null: None,
        calibration: Vec::new(),
        truncated: None,
        cautions: Vec::new(),
    }
}

/// Gives the second arm's client a proxy, and both arms the figures of later runs, each with its effect.
pub(crate) fn with_client_proxy(run: &mut Measurement) {
    run.arms[1].client_proxy = Some(ClientProxyUse {
        cpu_ms_per_request: 0.644,
        cpu_ms_per_request_ci95: Some([0.616, 0.672]),
        cpu_all_proxies_ms_per_request: 4.517,
        cpu_all_proxies_ms_per_request_ci95: Some([4.49, 4.544]),
        memory_mib: 17.4,
    });
    let figures = [
        (Metric::CpuWithClientProxyMsPerRequest, [1.853, 6.388], 10),
        (Metric::CpuDnsMsPerRequest, [0.344, 0.351], 10),
        (Metric::CpuIdleWarmCores, [0.003_12, 0.035_2], 8),
        (Metric::MemoryIdleWarmMib, [82.0, 226.8], 8),
        (Metric::MemoryIdleWithClientProxyMib, [81.42, 240.4], 8),
        (Metric::MemoryIdleWarmWithClientProxyMib, [82.0, 244.4], 8),
        (Metric::MemoryLoadedWithClientProxyMib, [83.07, 249.5], 10),
    ];
    for (metric, values, count) in figures {
        for (arm, figure) in run.arms.iter_mut().zip(values) {
            let (value, unit) = (Some(figure), metric.unit().to_owned());
            arm.metrics.insert(metric.name().to_owned(), Value { value, unit, count, stddev: Some(figure * 0.034) });
        }
        let [base, arm] = values;
        let around = |middle: f64| (!metric.is_of_a_life()).then_some([middle * 0.98, middle * 1.02]);
        run.effects.push(Effect {
            arm: run.arms[1].name.clone(),
            metric: metric.name().to_owned(),
            ratio: Some(arm / base),
            ratio_ci95: around(arm / base),
            difference: Some(arm - base),
            difference_ci95: around(arm - base),
            units: Some(if metric.is_of_a_life() { 1 } else { 10 }),
            ..Effect::default()
        });
    }
}

pub(crate) fn pod(service: &str, version: &str, requests: u64) -> ServiceCount {
    ServiceCount { service: service.to_owned(), pod: format!("{service}-{version}"), requests, errors: 0 }
}

pub(crate) fn edge(from: &str, (to, path): (&str, &str), calls: u64, latency_ms_p50: Option<f64>) -> Edge {
    let (from, to, path) = (from.to_owned(), to.to_owned(), path.to_owned());
    Edge { from, to, path, calls, failures: 0, retries: 0, latency_ms_p50, latency_ms_mean: latency_ms_p50 }
}

pub(crate) fn caution(kind: &str, text: &str) -> Caution {
    Caution { kind: kind.to_owned(), text: text.to_owned(), ..Caution::default() }
}
