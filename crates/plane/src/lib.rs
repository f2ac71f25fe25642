//! The proxies between services: a sidecar's Envoy bootstrap and redirect rules, or the files of a user's own proxy.
//!
//! In: a [`Workload`], the [`Destination`]s that it may call and the options of its [`Sidecar`]. Out: the files and the
//! command line that Istio's injector, `istio-init` and `pilot-agent` would have made from them, as values. This room
//! writes nothing, starts nothing and does not know where it runs.
//!
//! Istio's shape is kept as far as an upstream Envoy without Istio's own filters allows. Static files replace xDS, so
//! nothing here costs what istiod's pushes cost.
//!
//! # Which listeners and rules a sidecar has
//!
//! `side` decides which redirect chains exist. Inbound chains are made for each `Door`: a port of the service, or all
//! ports that the service does not declare (`listener/inbound.rs`). A port whose protocol is not declared is sniffed
//! (`listener/sniffed.rs`). The door makes `planes/ARM.diff` with [`difference()`]: sidecars are compared with the first
//! arm that has some, and everything else with the baseline.

mod access_log;
mod authorization;
mod bootstrap;
mod callers;
mod cluster;
mod control;
mod difference;
mod extension;
mod further;
mod gateway;
mod identity;
mod ingress;
mod listener;
mod option;
mod own;
mod peer;
mod port;
mod proxy;
mod redirect;
mod sidecar;
mod statistics;
mod telemetry;
mod template;
mod tls;
mod tracing;
mod workload;

pub use bootstrap::bootstrap;
pub use cluster::INBOUND_SOURCE;
pub use difference::difference;
pub use gateway::gateway_bootstrap;
pub use identity::{NAMESPACE, TRUST_DOMAIN, fqdn, spiffe};
pub use ingress::{GATEWAY, GATEWAY_ACCOUNT, GATEWAY_PORT};
pub use option::{Mtls, Preset, Side, TlsVersion, Tracing};
pub use own::{AppHealthCheck, agent_bytes};
pub use port::{ADMIN_PORT, AGENT_PORT, INBOUND_PORT, OUTBOUND_PORT, PROMETHEUS_PORT, Port, READINESS_PORT};
pub use proxy::{IDENTITY_FILES, Proxy, ProxyReady, Redirect, Rendered, Surroundings, Template, TemplatePart};
pub use redirect::redirect;
pub use sidecar::{PROXY_UID, Plane, Sidecar, arguments};
pub use tls::Files;
pub use workload::{Destination, MeshEndpoint, Workload};

#[cfg(test)]
mod tests;
