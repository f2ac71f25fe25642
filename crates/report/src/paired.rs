use measure::{Arm, Measurement, Metric};

use crate::comparison::effect;

/// The metrics of CPU time and memory to show with an arm's latency: with the proxy beside the client if there is one,
/// because latencies pass it, and at rest after the warm-up if there was one.
pub(crate) struct Paired {
    pub(crate) cpu: Metric,
    pub(crate) memory: Metric,
    /// A sentence about which proxies are included; `None` if no client has one.
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
                scope: Some("All of these include the proxy beside the client."),
            },
            (has_proxy, _) => Paired {
                cpu: Metric::CpuMsPerRequest,
                memory: if is_warm { Metric::MemoryIdleWarmMib } else { Metric::MemoryIdleMib },
                scope: has_proxy.then_some("Latency includes the proxy beside the client; CPU and memory do not."),
            },
        }
    }

    /// Words for the time at which the memory was read.
    pub(crate) fn rest(&self) -> &'static str {
        match self.memory {
            Metric::MemoryIdleWarmMib | Metric::MemoryIdleWarmWithClientProxyMib => "at rest after the warm-up",
            _ => "at rest before the first request",
        }
    }
}
