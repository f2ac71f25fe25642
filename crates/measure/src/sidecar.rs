use crate::{Arm, Metric};

/// What one sidecar of an arm used, as the mean of all of them but the one beside the client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SidecarUse {
    /// Sidecars, the gateway among them.
    pub sidecars: u32,
    /// CPU time of one for each request of the load, in milliseconds.
    pub cpu_ms_per_request: f64,
    /// CPU time of one for 1,000 requests of the load, in seconds.
    pub cpu_s_per_1000_requests: f64,
    /// Memory of one under load, in MiB.
    pub memory_mib: f64,
}

/// What one sidecar of an arm used; none where the arm has no proxies, or the run did not count them.
pub fn sidecar_use(arm: &Arm) -> Option<SidecarUse> {
    let sidecars = arm.proxies.filter(|proxies| *proxies > 0)?;
    let of_one = |metric: Metric| Some(arm.metrics.get(metric.name())?.value? / f64::from(sidecars));
    let cpu_ms_per_request = of_one(Metric::CpuProxyMsPerRequest)?;
    Some(SidecarUse {
        sidecars,
        cpu_ms_per_request,
        // Milliseconds for one are seconds for a thousand.
        cpu_s_per_1000_requests: cpu_ms_per_request,
        memory_mib: of_one(Metric::MemoryProxyMib)?,
    })
}
