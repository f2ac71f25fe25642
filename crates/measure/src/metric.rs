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
}

impl Metric {
    /// Every metric, in the order of a report.
    pub const ALL: [Self; 20] = [
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
    ];

    /// Those that verdicts are given for. Few, so that correcting for their number costs little power.
    pub const PRIMARY: [Self; 4] = [Self::LatencyMsMean, Self::LatencyMsP50, Self::LatencyMsP90, Self::CpuMsPerRequest];

    /// Its name in the contract.
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
        }
    }

    /// Its unit: `ms`, `s`, `1`, `cores`, `%`, `MiB`, `B` or `frames`.
    pub fn unit(self) -> &'static str {
        match self {
            Self::LatencyMsMean | Self::LatencyMsP50 | Self::LatencyMsP90 | Self::LatencyMsP99 => "ms",
            Self::CpuMsPerRequest | Self::CpuAppMsPerRequest | Self::CpuProxyMsPerRequest => "ms",
            Self::WaitSTotal | Self::CpuSTotal => "s",
            Self::Requests | Self::Errors => "1",
            Self::CpuIdleCores | Self::CpuPeakCores => "cores",
            Self::CpuNodePercent => "%",
            Self::MemoryIdleMib | Self::MemoryLoadedMib | Self::MemoryGrowthMib | Self::MemoryProxyMib => "MiB",
            Self::WireBytesPerRequest => "B",
            Self::WireFramesPerRequest => "frames",
        }
    }

    /// What it says, in one sentence. The client's containers are outside all of them, its link is not.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::LatencyMsMean => "Mean time from a request's intended start to the last byte of its answer.",
            Self::LatencyMsP50 => "Half of the requests were answered within this time.",
            Self::LatencyMsP90 => "Nine requests in ten were answered within this time.",
            Self::LatencyMsP99 => "Ninety-nine requests in a hundred were answered within this time.",
            Self::WaitSTotal => "Time that the client spent waiting for answers, all requests together.",
            Self::Requests => "Requests started, whether they succeeded or failed.",
            Self::Errors => "Requests that failed; their times are in no latency.",
            Self::CpuMsPerRequest => "CPU time of applications and proxies while under load, per request.",
            Self::CpuAppMsPerRequest => "The applications' part of the CPU time per request.",
            Self::CpuProxyMsPerRequest => "The proxies' part of the CPU time per request.",
            Self::CpuSTotal => "CPU time of applications and proxies, all blocks together.",
            Self::CpuIdleCores => "Cores that applications and proxies keep busy while nobody asks for anything.",
            Self::CpuPeakCores => "Mean cores of applications and proxies in the block where they were most.",
            Self::CpuNodePercent => "Share of the machine's processors that was busy while this arm was under load.",
            Self::MemoryIdleMib => "Memory of applications and proxies while nobody asks for anything.",
            Self::MemoryLoadedMib => "Memory of applications and proxies at the end of a block, mean over blocks.",
            Self::MemoryGrowthMib => "Memory under load less memory while idle.",
            Self::MemoryProxyMib => "Memory of the proxies at the end of a block, mean over blocks.",
            Self::WireBytesPerRequest => "Bytes that all pods sent over their links, headers included, per request.",
            Self::WireFramesPerRequest => {
                "Frames that all pods sent over their links, before segmentation, per request."
            }
        }
    }

    /// Whether its figure is a sum over rounds.
    pub(crate) fn is_total(self) -> bool {
        matches!(self, Self::WaitSTotal | Self::Requests | Self::Errors | Self::CpuSTotal)
    }

    /// Whether it is about idle windows and not about blocks.
    pub(crate) fn is_idle(self) -> bool {
        matches!(self, Self::CpuIdleCores | Self::MemoryIdleMib)
    }

    /// Whether idle windows are in it, alone or beside blocks.
    pub fn rests_on_idle(self) -> bool {
        self.is_idle() || self == Self::MemoryGrowthMib
    }

    /// The quantile that it is, if it is one.
    pub(crate) fn quantile(self) -> Option<f64> {
        match self {
            Self::LatencyMsP50 => Some(0.5),
            Self::LatencyMsP90 => Some(0.9),
            Self::LatencyMsP99 => Some(0.99),
            _ => None,
        }
    }
}
