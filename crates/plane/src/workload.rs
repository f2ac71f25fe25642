use std::net::Ipv4Addr;

use crate::{Port, fqdn, identity};

/// The pod that a sidecar belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Name of the pod.
    pub pod: String,
    /// Service that it belongs to: its `app` label.
    pub service: String,
    /// Version that it runs: its `version` label.
    pub version: String,
    /// Service account, hence identity.
    pub account: String,
    /// Address of the pod.
    pub address: Ipv4Addr,
    /// What it serves; empty for the client.
    pub ports: Vec<Port>,
}

/// A port of a service that a workload may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Name of the service.
    pub service: String,
    /// Port of the service.
    pub port: Port,
    /// Service account that every endpoint must prove.
    pub account: String,
    /// Virtual address of the service.
    pub address: Ipv4Addr,
    /// Pods behind the address.
    pub endpoints: Vec<Endpoint>,
}

/// A pod behind a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Name of the pod.
    pub pod: String,
    /// Address of the pod.
    pub address: Ipv4Addr,
    /// Version that it runs. The caller's metrics name it.
    pub version: String,
    /// Its part of the calls, relative to the other endpoints; with 0 it gets none.
    pub weight: u32,
}

impl Workload {
    /// Node id, in the form that istiod parses: type, address, pod, DNS domain.
    pub(crate) fn node_id(&self) -> String {
        format!("sidecar~{}~{}.{}~{}", self.address, self.pod, identity::NAMESPACE, identity::domain())
    }

    /// Name of the Deployment.
    pub(crate) fn name(&self) -> String {
        workload_name(&self.service, &self.version)
    }
}

impl Destination {
    /// Name of the cluster in istiod's form: direction, port, subset, host.
    pub(crate) fn cluster(&self) -> String {
        format!("outbound|{}||{}", self.port.number, fqdn(&self.service))
    }
}

/// Name of the Deployment that runs a version of a service.
pub(crate) fn workload_name(service: &str, version: &str) -> String {
    format!("{service}-{version}")
}
