use topology::Protocol;

/// Port of Envoy's admin interface, on the pod's loopback only.
pub const ADMIN_PORT: u16 = 15000;

/// Port to which the application's own connections are redirected.
pub const OUTBOUND_PORT: u16 = 15001;

/// Port to which connections to the pod are redirected.
pub const INBOUND_PORT: u16 = 15006;

/// Port of HBONE, the tunnel of Istio's ambient mode.
pub(crate) const HBONE_PORT: u16 = 15008;

/// Port of `pilot-agent`: merged metrics, and the application's probes.
pub const AGENT_PORT: u16 = 15020;

/// Port of the sidecar's readiness.
pub const READINESS_PORT: u16 = 15021;

/// Port of Envoy's own metrics.
pub const PROMETHEUS_PORT: u16 = 15090;

/// A port and its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// TCP port, the same on the service and on its pods.
    pub number: u16,
    /// The protocol on this port.
    pub protocol: Protocol,
    /// Whether the name of the Kubernetes port declares the protocol. If not, sidecars detect it.
    pub declared: bool,
}
