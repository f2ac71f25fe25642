use crate::{Arm, Metric};

/// What one sidecar of an arm used: the mean over all except the one beside the client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SidecarUse {
    /// Number of sidecars, including the gateway.
    pub sidecars: u32,
    /// CPU time of one sidecar per request of the load, in milliseconds.
    pub cpu_ms_per_request: f64,
    /// CPU time of one sidecar per 1,000 requests of the load, in seconds.
    pub cpu_s_per_1000_requests: f64,
    /// Memory of one sidecar under load, in MiB.
    pub memory_mib: f64,
}

/// What one sidecar of an arm used; `None` if the arm has no proxies, or the run did not count them.
pub fn sidecar_use(arm: &Arm) -> Option<SidecarUse> {
    let sidecars = arm.proxies.filter(|proxies| *proxies > 0)?;
    let of_one = |metric: Metric| Some(arm.metrics.get(metric.name())?.value? / f64::from(sidecars));
    let cpu_ms_per_request = of_one(Metric::CpuProxyMsPerRequest)?;
    Some(SidecarUse {
        sidecars,
        cpu_ms_per_request,
        // Milliseconds per request are seconds per thousand requests.
        cpu_s_per_1000_requests: cpu_ms_per_request,
        memory_mib: of_one(Metric::MemoryProxyMib)?,
    })
}
