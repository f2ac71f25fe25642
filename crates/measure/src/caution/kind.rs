use crate::Caution;

/// What a caution is about. The names are part of the JSON contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CautionKind {
    /// Too few rounds for intervals, or for exact ones.
    FewRounds,
    /// Rounds that some arm lacks.
    UnpairedRounds,
    /// Too few requests for a quantile.
    FewRequests,
    /// The load generator was late.
    GeneratorLate,
    /// Latencies beyond the histogram's range.
    Clamped,
    /// Connections were not shared as declared.
    Connections,
    /// The client's requests failed.
    Errors,
    /// The client's requests failed, in some arms only.
    ErrorsUneven,
    /// Calls between services failed.
    CallsFailed,
    /// Calls between services failed or were repeated, in some arms only.
    RetriesUneven,
    /// Containers ended and were started again.
    Restarted,
    /// Pods got other shares of the requests than in the baseline.
    RequestMix,
    /// A sidecar does not run as many workers as asked.
    Concurrency,
    /// A sidecar does not say how many workers it runs.
    ConcurrencyUnverified,
    /// A sidecar received requests without mutual TLS.
    MtlsOff,
    /// A sidecar received requests and does not report on mutual TLS.
    MtlsUnverified,
    /// Sidecars lack a limit that Istio's sidecars have.
    LimitsMissing,
    /// The machine was nearly fully busy.
    Saturated,
    /// The hypervisor took CPU time from this machine.
    Stolen,
    /// A CPU quota throttled containers.
    Throttled,
    /// Tasks waited for processors.
    Pressure,
    /// Tasks of other programs were runnable at the edges of blocks.
    RunQueue,
    /// Other programs were busier than usual in some blocks.
    Foreign,
    /// Something stood still within blocks; their rounds are left out.
    Stopped,
    /// The clock is slow or coarse.
    ClockSource,
    /// Processors may change their frequency.
    CpuFrequency,
    /// The kernel subtracts time in interrupts from control groups.
    InterruptsApart,
    /// Latencies of about 40 ms, or about 40 ms above others, are frequent.
    Nagle,
    /// Latencies form groups in some arms and not in others.
    Bimodal,
    /// Latency changes within blocks.
    NotStationary,
    /// A request's latency depends on the one before.
    Autocorrelated,
    /// Latency or CPU time, or an effect on them, changes with the rounds.
    Drift,
    /// Memory grows with the rounds.
    MemoryGrowing,
    /// The baseline's copy differs from the baseline.
    NullDiffers,
}

impl CautionKind {
    /// Every kind.
    pub const ALL: [Self; 34] = [
        Self::FewRounds,
        Self::UnpairedRounds,
        Self::FewRequests,
        Self::GeneratorLate,
        Self::Clamped,
        Self::Connections,
        Self::Errors,
        Self::ErrorsUneven,
        Self::CallsFailed,
        Self::RetriesUneven,
        Self::Restarted,
        Self::RequestMix,
        Self::Concurrency,
        Self::ConcurrencyUnverified,
        Self::MtlsOff,
        Self::MtlsUnverified,
        Self::LimitsMissing,
        Self::Saturated,
        Self::Stolen,
        Self::Throttled,
        Self::Pressure,
        Self::RunQueue,
        Self::Foreign,
        Self::Stopped,
        Self::ClockSource,
        Self::CpuFrequency,
        Self::InterruptsApart,
        Self::Nagle,
        Self::Bimodal,
        Self::NotStationary,
        Self::Autocorrelated,
        Self::Drift,
        Self::MemoryGrowing,
        Self::NullDiffers,
    ];

    /// The name in the JSON contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::FewRounds => "few_rounds",
            Self::UnpairedRounds => "unpaired_rounds",
            Self::FewRequests => "few_requests",
            Self::GeneratorLate => "generator_late",
            Self::Clamped => "clamped",
            Self::Connections => "connections",
            Self::Errors => "errors",
            Self::ErrorsUneven => "errors_uneven",
            Self::CallsFailed => "calls_failed",
            Self::RetriesUneven => "retries_uneven",
            Self::Restarted => "restarted",
            Self::RequestMix => "request_mix",
            Self::Concurrency => "concurrency",
            Self::ConcurrencyUnverified => "concurrency_unverified",
            Self::MtlsOff => "mtls_off",
            Self::MtlsUnverified => "mtls_unverified",
            Self::LimitsMissing => "limits_missing",
            Self::Saturated => "saturated",
            Self::Stolen => "stolen",
            Self::Throttled => "throttled",
            Self::Pressure => "pressure",
            Self::RunQueue => "run_queue",
            Self::Foreign => "foreign",
            Self::Stopped => "stopped",
            Self::ClockSource => "clock_source",
            Self::CpuFrequency => "cpu_frequency",
            Self::InterruptsApart => "interrupts_apart",
            Self::Nagle => "nagle",
            Self::Bimodal => "bimodal",
            Self::NotStationary => "not_stationary",
            Self::Autocorrelated => "autocorrelated",
            Self::Drift => "drift",
            Self::MemoryGrowing => "memory_growing",
            Self::NullDiffers => "null_differs",
        }
    }

    /// Makes a warning: the figures are to be read with care.
    pub(super) fn caution(self, text: String) -> Caution {
        Caution { kind: self.name().to_owned(), text, ..Caution::default() }
    }

    /// Makes a fatal caution: the figures are not to be believed.
    pub(super) fn fatal(self, text: String) -> Caution {
        Caution { fatal: true, ..self.caution(text) }
    }
}

impl Caution {
    /// The same caution, about these arms alone.
    pub(crate) fn about<T: ToString>(self, arms: impl IntoIterator<Item = T>) -> Self {
        Self { arms: arms.into_iter().map(|arm| arm.to_string()).collect(), ..self }
    }
}
