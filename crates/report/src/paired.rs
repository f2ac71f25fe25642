use measure::{Arm, Measurement, Metric};

use crate::comparison::effect;

/// The CPU time and the memory that an arm's latency is paired with: with the proxy beside the client where there is one, for
/// latencies pass it, and at rest after the warm-up where there was one.
pub(crate) struct Paired {
    pub(crate) cpu: Metric,
    pub(crate) memory: Metric,
    /// Whose proxies these are, in a sentence; nothing where no client has one.
    pub(crate) scope: Option<&'static str>,
}

impl Paired {
    pub(crate) fn of(measurement: &Measurement, base: &Arm, arm: &Arm) -> Paired {
        let is_known =
            |metric: Metric| effect(measurement, arm, metric).is_some_and(|effect| effect.difference.is_some());
        let has_proxy = base.client_proxy.is_some() || arm.client_proxy.is_some();
        let is_warm = is_known(Metric::MemoryIdleWarmMib);
        match (has_proxy, is_known(Metric::CpuWithClientProxyMsPerRequest)) {
            (true, true) => Paired {
                cpu: Metric::CpuWithClientProxyMsPerRequest,
                memory: if is_warm {
                    Metric::MemoryIdleWarmWithClientProxyMib
                } else {
                    Metric::MemoryIdleWithClientProxyMib
                },
                scope: Some("The proxy beside the client is in all of these."),
            },
            (has_proxy, _) => Paired {
                cpu: Metric::CpuMsPerRequest,
                memory: if is_warm { Metric::MemoryIdleWarmMib } else { Metric::MemoryIdleMib },
                scope: has_proxy
                    .then_some("Latency passes the proxy beside the client; CPU and memory are without it."),
            },
        }
    }

    /// When the memory was looked at.
    pub(crate) fn rest(&self) -> &'static str {
        match self.memory {
            Metric::MemoryIdleWarmMib | Metric::MemoryIdleWarmWithClientProxyMib => "at rest after the warm-up",
            _ => "at rest before the first request",
        }
    }
}
