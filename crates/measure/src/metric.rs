/// The metrics of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "names and units are documented by `Metric::meaning`")]
pub enum Metric {
    LatencyMsMean,
    LatencyMsP50,
    LatencyMsP90,
    LatencyMsP99,
    WaitSTotal,
    Requests,
    Errors,
    CpuMsPerRequest,
    CpuAppMsPerRequest,
    CpuProxyMsPerRequest,
    CpuSTotal,
    CpuIdleCores,
    CpuPeakCores,
    CpuNodePercent,
    MemoryIdleMib,
    MemoryLoadedMib,
    MemoryGrowthMib,
    MemoryProxyMib,
    WireBytesPerRequest,
    WireFramesPerRequest,
    CpuWithClientProxyMsPerRequest,
    CpuDnsMsPerRequest,
    CpuKubeletMsPerRequest,
    CpuIdleWarmCores,
    MemoryIdleWarmMib,
    MemoryIdleWithClientProxyMib,
    MemoryIdleWarmWithClientProxyMib,
    MemoryLoadedWithClientProxyMib,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 28] = [
        Self::LatencyMsMean,
        Self::LatencyMsP50,
        Self::LatencyMsP90,
        Self::LatencyMsP99,
        Self::WaitSTotal,
        Self::Requests,
        Self::Errors,
        Self::CpuMsPerRequest,
        Self::CpuAppMsPerRequest,
        Self::CpuProxyMsPerRequest,
        Self::CpuSTotal,
        Self::CpuIdleCores,
        Self::CpuPeakCores,
        Self::CpuNodePercent,
        Self::MemoryIdleMib,
        Self::MemoryLoadedMib,
        Self::MemoryGrowthMib,
        Self::MemoryProxyMib,
        Self::WireBytesPerRequest,
        Self::WireFramesPerRequest,
        Self::CpuWithClientProxyMsPerRequest,
        Self::CpuDnsMsPerRequest,
        Self::CpuKubeletMsPerRequest,
        Self::CpuIdleWarmCores,
        Self::MemoryIdleWarmMib,
        Self::MemoryIdleWithClientProxyMib,
        Self::MemoryIdleWarmWithClientProxyMib,
        Self::MemoryLoadedWithClientProxyMib,
    ];

    /// The metrics that get verdicts. There are few, so that correcting for their number costs little power.
    pub const PRIMARY: [Self; 4] = [Self::LatencyMsMean, Self::LatencyMsP50, Self::LatencyMsP90, Self::CpuMsPerRequest];

    /// The metric's name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::LatencyMsMean => "latency_ms_mean",
            Self::LatencyMsP50 => "latency_ms_p50",
            Self::LatencyMsP90 => "latency_ms_p90",
            Self::LatencyMsP99 => "latency_ms_p99",
            Self::WaitSTotal => "wait_s_total",
            Self::Requests => "requests",
            Self::Errors => "errors",
            Self::CpuMsPerRequest => "cpu_ms_per_request",
            Self::CpuAppMsPerRequest => "cpu_app_ms_per_request",
            Self::CpuProxyMsPerRequest => "cpu_proxy_ms_per_request",
            Self::CpuSTotal => "cpu_s_total",
            Self::CpuIdleCores => "cpu_idle_cores",
            Self::CpuPeakCores => "cpu_peak_cores",
            Self::CpuNodePercent => "cpu_node_percent",
            Self::MemoryIdleMib => "memory_idle_mib",
            Self::MemoryLoadedMib => "memory_loaded_mib",
            Self::MemoryGrowthMib => "memory_growth_mib",
            Self::MemoryProxyMib => "memory_proxy_mib",
            Self::WireBytesPerRequest => "wire_bytes_per_request",
            Self::WireFramesPerRequest => "wire_frames_per_request",
            Self::CpuWithClientProxyMsPerRequest => "cpu_with_client_proxy_ms_per_request",
            Self::CpuDnsMsPerRequest => "cpu_dns_ms_per_request",
            Self::CpuKubeletMsPerRequest => "cpu_kubelet_ms_per_request",
            Self::CpuIdleWarmCores => "cpu_idle_warm_cores",
            Self::MemoryIdleWarmMib => "memory_idle_warm_mib",
            Self::MemoryIdleWithClientProxyMib => "memory_idle_with_client_proxy_mib",
            Self::MemoryIdleWarmWithClientProxyMib => "memory_idle_warm_with_client_proxy_mib",
            Self::MemoryLoadedWithClientProxyMib => "memory_loaded_with_client_proxy_mib",
        }
    }

    /// The metric's unit: `ms`, `s`, `1`, `cores`, `%`, `MiB`, `B` or `frames`.
    pub fn unit(self) -> &'static str {
        match self {
            Self::LatencyMsMean | Self::LatencyMsP50 | Self::LatencyMsP90 | Self::LatencyMsP99 => "ms",
            Self::CpuMsPerRequest | Self::CpuAppMsPerRequest | Self::CpuProxyMsPerRequest => "ms",
            Self::CpuWithClientProxyMsPerRequest | Self::CpuDnsMsPerRequest | Self::CpuKubeletMsPerRequest => "ms",
            Self::WaitSTotal | Self::CpuSTotal => "s",
            Self::Requests | Self::Errors => "1",
            Self::CpuIdleCores | Self::CpuIdleWarmCores | Self::CpuPeakCores => "cores",
            Self::CpuNodePercent => "%",
            Self::MemoryIdleMib | Self::MemoryLoadedMib | Self::MemoryGrowthMib | Self::MemoryProxyMib => "MiB",
            Self::MemoryIdleWarmMib | Self::MemoryIdleWithClientProxyMib => "MiB",
            Self::MemoryIdleWarmWithClientProxyMib | Self::MemoryLoadedWithClientProxyMib => "MiB",
            Self::WireBytesPerRequest => "B",
            Self::WireFramesPerRequest => "frames",
        }
    }

    /// What the metric says, in one sentence. The client's containers are in none of the metrics except those that say
    /// so. Latencies bypass the proxy beside the client; traffic figures include its link.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::LatencyMsMean => "Mean time from a request's intended start to the last byte of its answer.",
            Self::LatencyMsP50 => "Half of the requests were answered within this time.",
            Self::LatencyMsP90 => "Nine requests in ten were answered within this time.",
            Self::LatencyMsP99 => "Ninety-nine requests in a hundred were answered within this time.",
            Self::WaitSTotal => "Time that the client spent waiting for answers, all requests together.",
            Self::Requests => "Requests started, whether they succeeded or failed.",
            Self::Errors => "Requests that failed. No latency includes their times.",
            Self::CpuMsPerRequest => "CPU time of applications and proxies while under load, per request.",
            Self::CpuAppMsPerRequest => "The applications' part of the CPU time per request.",
            Self::CpuProxyMsPerRequest => "The proxies' part of the CPU time per request.",
            Self::CpuSTotal => "CPU time of applications and proxies, all blocks together.",
            Self::CpuIdleCores => "Cores that applications and proxies keep busy before the first request.",
            Self::CpuPeakCores => "Mean busy cores of applications and proxies in their busiest block.",
            Self::CpuNodePercent => "Share of the machine's processors that was busy while this arm was under load.",
            Self::MemoryIdleMib => "Memory of applications and proxies before the first request.",
            Self::MemoryLoadedMib => "Memory of applications and proxies at the end of a block, mean over blocks.",
            Self::MemoryGrowthMib => "Memory under load minus memory before the first request.",
            Self::MemoryProxyMib => "Memory of the proxies at the end of a block, mean over blocks.",
            Self::WireBytesPerRequest => "Bytes that all pods sent over their links, headers included, per request.",
            Self::WireFramesPerRequest => {
                "Frames that all pods sent over their links, before segmentation, per request."
            }
            Self::CpuWithClientProxyMsPerRequest => {
                "CPU time of applications and of every proxy on a request's way, including the one beside the client."
            }
            Self::CpuDnsMsPerRequest => "CPU time of the arm's cluster DNS while under load, per request; in no total.",
            Self::CpuKubeletMsPerRequest => {
                "CPU time of the arm's kubelet, which probes its pods, while under load, per request; in no total."
            }
            Self::CpuIdleWarmCores => "Cores that applications and proxies keep busy at rest after the warm-up.",
            Self::MemoryIdleWarmMib => "Memory of applications and proxies at rest after the warm-up.",
            Self::MemoryIdleWithClientProxyMib => {
                "Memory of applications and all proxies, including the client's, before the first request."
            }
            Self::MemoryIdleWarmWithClientProxyMib => {
                "Memory of applications and all proxies, including the client's, at rest after the warm-up."
            }
            Self::MemoryLoadedWithClientProxyMib => {
                "Memory of applications and all proxies, including the client's, at the end of a block, mean over blocks."
            }
        }
    }

    /// Whether the figure is a sum over rounds.
    pub(crate) fn is_total(self) -> bool {
        matches!(self, Self::WaitSTotal | Self::Requests | Self::Errors | Self::CpuSTotal)
    }

    /// Whether the metric is about idle windows rather than blocks.
    pub(crate) fn is_idle(self) -> bool {
        matches!(
            self,
            Self::CpuIdleCores
                | Self::CpuIdleWarmCores
                | Self::MemoryIdleMib
                | Self::MemoryIdleWarmMib
                | Self::MemoryIdleWithClientProxyMib
                | Self::MemoryIdleWarmWithClientProxyMib
        )
    }

    /// Whether a stand-up shows the metric only once, however often it is read: memory and idle CPU of processes do not
    /// change while they live.
    pub fn is_of_a_life(self) -> bool {
        self.is_idle()
            || matches!(
                self,
                Self::MemoryLoadedMib
                    | Self::MemoryProxyMib
                    | Self::MemoryGrowthMib
                    | Self::MemoryLoadedWithClientProxyMib
            )
    }

    /// The quantile that this metric is, if it is one.
    pub(crate) fn quantile(self) -> Option<f64> {
        match self {
            Self::LatencyMsP50 => Some(0.5),
            Self::LatencyMsP90 => Some(0.9),
            Self::LatencyMsP99 => Some(0.99),
            _ => None,
        }
    }
}
