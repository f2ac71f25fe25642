//! The possible options of a sidecar.

use std::time::Duration;

/// What a sidecar requires of callers of its pod. Sidecars encrypt towards other sidecars unless it is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mtls {
    /// A certificate of the mesh; plaintext is refused.
    Strict,
    /// A certificate of the mesh from those who have one, and plaintext from the others. This is Istio's default.
    Permissive,
    /// Plaintext, on both sides.
    Off,
}

/// The newest TLS version that a sidecar offers when it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2, on which Istio's sidecars agreed until 1.13.
    V1_2,
    /// TLS 1.3, on which they have agreed since.
    V1_3,
}

/// The headers that carry a trace from hop to hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracing {
    /// No headers.
    Off,
    /// Zipkin's `x-b3-…`.
    B3,
    /// The W3C's `traceparent`, by OpenTelemetry.
    Traceparent,
}

/// The ends of a hop that have a sidecar. With one end only, the hop is plaintext, as Istio's auto-mTLS decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Both ends.
    Both,
    /// The callee: connections to a pod are redirected, those from it are not.
    Server,
    /// The caller: connections from a pod are redirected, those to it are not.
    Client,
}

/// A release of Istio and a profile of its installation: the source of all options that are not written, and of traits
/// that have no option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Istio 1.6 as its profile `default` installs it (2020).
    Istio16Default,
    /// Istio 1.9 as its profile `demo` installs it (2021), with everything logged and traced.
    Istio19Demo,
    /// Istio as its profile `default` installs it today (2026).
    Today,
}

impl Preset {
    /// Period of a sidecar's readiness probe: 2 s before Istio 1.20.
    pub fn probe_period(self) -> Duration {
        Duration::from_secs(if self.is_before_1_10() { 2 } else { 15 })
    }

    /// Whether the preset is from before Istio 1.10, when the proxy connected to its application at 127.0.0.1. Other
    /// traits of these years are round robin, retries on 503, no retries towards the application, and port 22 outside
    /// the proxy.
    pub(crate) fn is_before_1_10(self) -> bool {
        self != Self::Today
    }
}
