use std::borrow::Borrow;

use measure::{Arm, Metric};

/// A row of a comparison: its label, and its metric.
pub(crate) type MetricRow = (&'static str, Metric);

/// The rows of a comparison in groups. A part stands below its whole.
pub(crate) const GROUPS: [(&str, &[MetricRow]); 7] = [
    (
        "Latency",
        &[
            ("mean", Metric::LatencyMsMean),
            ("p50", Metric::LatencyMsP50),
            ("p90", Metric::LatencyMsP90),
            ("p99", Metric::LatencyMsP99),
            ("total wait", Metric::WaitSTotal),
        ],
    ),
    (
        "CPU",
        &[
            ("per request", Metric::CpuMsPerRequest),
            ("  app", Metric::CpuAppMsPerRequest),
            ("  proxy", Metric::CpuProxyMsPerRequest),
            ("total", Metric::CpuSTotal),
            ("idle, fresh", Metric::CpuIdleCores),
            ("idle, warm", Metric::CpuIdleWarmCores),
            ("peak", Metric::CpuPeakCores),
            ("machine busy", Metric::CpuNodePercent),
        ],
    ),
    (
        "Memory",
        &[
            ("idle, fresh", Metric::MemoryIdleMib),
            ("idle, warm", Metric::MemoryIdleWarmMib),
            ("loaded", Metric::MemoryLoadedMib),
            ("  proxy", Metric::MemoryProxyMib),
            ("growth", Metric::MemoryGrowthMib),
        ],
    ),
    (
        "With client's proxy",
        &[
            ("CPU per request", Metric::CpuWithClientProxyMsPerRequest),
            ("memory, fresh", Metric::MemoryIdleWithClientProxyMib),
            ("memory, warm", Metric::MemoryIdleWarmWithClientProxyMib),
            ("memory, loaded", Metric::MemoryLoadedWithClientProxyMib),
        ],
    ),
    (
        "CPU in no total",
        &[("cluster DNS", Metric::CpuDnsMsPerRequest), ("health probes", Metric::CpuKubeletMsPerRequest)],
    ),
    (
        "Links between pods",
        &[("per request", Metric::WireBytesPerRequest), ("per request", Metric::WireFramesPerRequest)],
    ),
    ("Counts", &[("requests", Metric::Requests), ("errors", Metric::Errors)]),
];

/// The groups, with the rows for which these arms have figures. Not every run has a proxy beside the client, a warm-up,
/// or health probes.
pub(crate) fn groups<A: Borrow<Arm>>(arms: &[A]) -> Vec<(&'static str, Vec<MetricRow>)> {
    let has_client_proxy = arms.iter().any(|arm| arm.borrow().client_proxy.is_some());
    let is_known = |metric: Metric| {
        let values = arms.iter().filter_map(|arm| arm.borrow().metrics.get(metric.name()));
        values.into_iter().any(|value| value.value.is_some())
    };
    let is_told = |(_, metric): &MetricRow| match metric {
        Metric::CpuWithClientProxyMsPerRequest
        | Metric::MemoryIdleWithClientProxyMib
        | Metric::MemoryIdleWarmWithClientProxyMib
        | Metric::MemoryLoadedWithClientProxyMib => has_client_proxy && is_known(*metric),
        Metric::CpuIdleWarmCores
        | Metric::MemoryIdleWarmMib
        | Metric::CpuDnsMsPerRequest
        | Metric::CpuKubeletMsPerRequest => is_known(*metric),
        _ => true,
    };
    let told = GROUPS.into_iter().map(|(group, rows)| (group, rows.iter().copied().filter(is_told).collect()));
    told.filter(|(_, rows): &(_, Vec<MetricRow>)| !rows.is_empty()).collect()
}

/// The meaning of words in the labels of these arms' rows, one sentence each.
pub(crate) fn meanings<A: Borrow<Arm>>(arms: &[A]) -> Vec<&'static str> {
    let rows: Vec<Metric> = groups(arms).into_iter().flat_map(|(_, rows)| rows).map(|(_, metric)| metric).collect();
    let client = rows.contains(&Metric::CpuWithClientProxyMsPerRequest).then_some(
        "CPU and memory are those of the application's pods and their proxies; latencies also pass the proxy beside the client, \
         which the rows with the client's proxy include",
    );
    let rest = if rows.contains(&Metric::MemoryIdleWarmMib) {
        "fresh: before the first request; warm: at rest after the warm-up"
    } else {
        "fresh: before the first request"
    };
    let node = rows
        .contains(&Metric::CpuDnsMsPerRequest)
        .then_some("CPU in no total, per request: the arm's own DNS server, and the process that probes its pods");
    client.into_iter().chain([rest]).chain(node).collect()
}
