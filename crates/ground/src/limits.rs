use std::fmt;

/// Most that a container may use, as Kubernetes's `limits` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// CPU time per time, in thousandths of a core.
    pub cpu_millicores: Option<u32>,
    /// Memory.
    pub memory_bytes: Option<u64>,
}

impl Limits {
    /// What Istio's injector gives a sidecar unless somebody writes otherwise.
    pub const ISTIO: Limits = Limits { cpu_millicores: Some(2000), memory_bytes: Some(1 << 30) };
}

/// What the injector requests beside its limits; it is for a scheduler, and here is none.
const ISTIO_REQUESTS: &str = "# requests, for the scheduler only: cpu 100m, memory 128Mi";

/// As in a container's `limits`, a line each.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Limits::ISTIO {
            writeln!(f, "{ISTIO_REQUESTS}")?;
        }
        self.cpu_millicores.map_or(Ok(()), |millicores| writeln!(f, "cpu: {millicores}m"))?;
        self.memory_bytes.map_or(Ok(()), |bytes| writeln!(f, "memory: {bytes}"))
    }
}
