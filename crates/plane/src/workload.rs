use std::net::Ipv4Addr;

use crate::ingress::{GATEWAY, GATEWAY_ACCOUNT, NAMESPACE as ISTIO};
use crate::{Port, TRUST_DOMAIN};

/// Istio's word for an unknown value.
pub(crate) const UNKNOWN: &str = "unknown";
/// Istio's word for an unknown revision.
pub(crate) const LATEST: &str = "latest";

/// The pod that a sidecar belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Name of the pod.
    pub pod: String,
    /// Service of the pod: its `app` label.
    pub service: String,
    /// Version of the pod: its `version` label. Empty for a gateway, which has no such label.
    pub version: String,
    /// Kubernetes namespace.
    pub namespace: &'static str,
    /// Service account, and so the identity.
    pub account: String,
    /// Address of the pod.
    pub address: Ipv4Addr,
    /// Ports that it serves; empty for the client.
    pub ports: Vec<Port>,
}

/// A port of a service that a workload may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Name of the service.
    pub service: String,
    /// Kubernetes namespace of the service.
    pub namespace: &'static str,
    /// Port of the service.
    pub port: Port,
    /// Service account that every endpoint must prove; empty if any certificate of the mesh is enough.
    pub account: String,
    /// Virtual address of the service.
    pub address: Ipv4Addr,
    /// Pods behind the address.
    pub endpoints: Vec<MeshEndpoint>,
}

/// A pod behind a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshEndpoint {
    /// Name of the pod.
    pub pod: String,
    /// Address of the pod.
    pub address: Ipv4Addr,
    /// Version of the pod, which the caller's metrics name.
    pub version: String,
    /// Weight among the endpoints. An endpoint with 0 gets no calls.
    pub weight: u32,
}

impl Workload {
    /// The gateway as a workload of the mesh.
    pub(crate) fn of_gateway(address: Ipv4Addr) -> Self {
        Self {
            pod: GATEWAY.to_owned(),
            service: GATEWAY.to_owned(),
            version: String::new(),
            namespace: ISTIO,
            account: GATEWAY_ACCOUNT.to_owned(),
            address,
            ports: Vec::new(),
        }
    }

    /// Node id in the format that istiod parses: type, address, pod, DNS domain.
    pub(crate) fn node_id(&self) -> String {
        let (kind, namespace) = (if self.is_gateway() { "router" } else { "sidecar" }, self.namespace);
        format!("{kind}~{}~{}.{namespace}~{namespace}.svc.{TRUST_DOMAIN}", self.address, self.replica())
    }

    /// Name that Kubernetes would have given to the pod: Deployment, template hash and suffix. Peers get this name, so
    /// that it has a realistic length.
    pub(crate) fn replica(&self) -> String {
        format!("{}-{}-{}", self.name(), self.template_hash(), letters(&format!("{}.{}", self.pod, self.namespace), 5))
    }

    /// The template hash, which all pods of the Deployment have in their names and labels.
    pub(crate) fn template_hash(&self) -> String {
        letters(&self.name(), 10)
    }

    /// Name of the Deployment.
    pub(crate) fn name(&self) -> String {
        if self.is_gateway() { self.service.clone() } else { workload_name(&self.service, &self.version) }
    }

    /// Name of the service account, without its namespace.
    pub(crate) fn account_name(&self) -> &str {
        self.account.rsplit_once('/').map_or(&self.account, |(_, name)| name)
    }

    /// Whether the workload is the mesh's gateway.
    pub(crate) fn is_gateway(&self) -> bool {
        self.namespace == ISTIO
    }

    /// The version, or Istio's word for an unknown one.
    pub(crate) fn version_or<'a>(&'a self, word: &'a str) -> &'a str {
        if self.version.is_empty() { word } else { &self.version }
    }
}

impl Destination {
    /// Fully qualified DNS name of the service.
    pub(crate) fn host(&self) -> String {
        format!("{}.{}.svc.{TRUST_DOMAIN}", self.service, self.namespace)
    }

    /// Name of the cluster in istiod's format: direction, port, subset, host.
    pub(crate) fn cluster(&self) -> String {
        format!("outbound|{}||{}", self.port.number, self.host())
    }
}

/// Letters and digits as Kubernetes uses them in names, `number` of them, derived from `text` (FNV-1a).
fn letters(text: &str, number: usize) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    let mut letter = || {
        let index = hash % 27;
        hash /= 27;
        char::from(LETTERS[index as usize])
    };
    (0..number).map(|_| letter()).collect()
}

/// Name of the Deployment that runs a version of a service.
pub(crate) fn workload_name(service: &str, version: &str) -> String {
    format!("{service}-{version}")
}
