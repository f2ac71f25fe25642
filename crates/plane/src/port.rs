use topology::Protocol;

/// Envoy's admin interface, on the pod's loopback only.
pub const ADMIN_PORT: u16 = 15000;

/// Where what the application dials is redirected to.
pub const OUTBOUND_PORT: u16 = 15001;

/// Where what reaches the pod is redirected to.
pub const INBOUND_PORT: u16 = 15006;

/// HBONE, the tunnel of Istio's ambient mode.
pub(crate) const HBONE_PORT: u16 = 15008;

/// `pilot-agent`: merged metrics, and the application's probes.
pub const AGENT_PORT: u16 = 15020;

/// The sidecar's readiness.
pub const READINESS_PORT: u16 = 15021;

/// Envoy's own metrics.
pub const PROMETHEUS_PORT: u16 = 15090;

/// A port and what is spoken on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// TCP port, the same on the service and on its pods.
    pub number: u16,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether the name of the Kubernetes port says so; if not, sidecars sniff.
    pub declared: bool,
}
