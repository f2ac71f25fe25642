//! What the options of a sidecar can be.

use std::time::Duration;

/// What a sidecar asks of those who call its pod. Sidecars encrypt towards sidecars unless it is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mtls {
    /// A certificate of the mesh; plaintext is refused.
    Strict,
    /// A certificate of the mesh from those who have one; plaintext from the others. Istio's default.
    Permissive,
    /// Plaintext, on both sides.
    Off,
}

/// The newest TLS version that a sidecar offers when it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// What Istio's sidecars agreed on until 1.13.
    V1_2,
    /// What they agree on since.
    V1_3,
}

/// Which headers carry a trace from hop to hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracing {
    /// None.
    Off,
    /// Zipkin's `x-b3-…`.
    B3,
    /// The W3C's `traceparent`, by OpenTelemetry.
    Traceparent,
}

/// At which end of a hop a sidecar stands. At one end only, the hop is plaintext, as Istio's auto-mTLS decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At both.
    Both,
    /// In front of the called: what reaches a pod is redirected, what leaves it is not.
    Server,
    /// At the caller: what leaves a pod is redirected, what reaches it is not.
    Client,
}

/// A release of Istio with a profile of its installation: the source of all options that are not written, and of traits
/// that no option names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Istio 1.6 as its profile `default` installs it (2020).
    Istio16Default,
    /// Istio 1.9 as its profile `demo` installs it (2021): everything is logged and traced.
    Istio19Demo,
    /// Istio as its profile `default` installs it today (2026).
    Today,
}

impl Preset {
    /// How often the kubelet asks a sidecar whether it is ready: every 2 s until Istio 1.20.
    pub fn probe_period(self) -> Duration {
        Duration::from_secs(if self.is_before_1_10() { 2 } else { 15 })
    }

    /// Before Istio 1.10 the proxy dialled its application at 127.0.0.1. Round robin, 503 as a reason to try again, no
    /// retries towards the application and port 22 beside the proxy are of the same years.
    pub(crate) fn is_before_1_10(self) -> bool {
        self != Self::Today
    }
}
