//! Who has which address on a node. Every node is a network of its own without a way out, so all have the same plan:
//! the addresses that clusters commonly use.

use std::net::Ipv4Addr;

use topology::{CLIENT, Topology};

/// Bridge and gateway of a node.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);
/// Length of the pods' network prefix, which starts at the gateway's.
pub const POD_PREFIX: u8 = 16;
/// Cluster DNS.
pub const DNS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// The ingress gateway's pod: the last address of the pods' network.
pub const INGRESS: Ipv4Addr = Ipv4Addr::new(10, 244, 255, 254);
/// Domain of the cluster.
pub const DOMAIN: &str = "cluster.local";

const PODS_FROM: u32 = Ipv4Addr::new(10, 244, 0, 2).to_bits();
const SERVICES_FROM: u32 = Ipv4Addr::new(10, 96, 1, 1).to_bits();

/// The addresses of a node, in the order of the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Service name and virtual address.
    pub services: Vec<(String, Ipv4Addr)>,
    /// Pod name and address; the client's pod is the last.
    pub pods: Vec<(String, Ipv4Addr)>,
}

/// Assigns addresses to everything in `topology` and to the client's pod.
pub fn assign(topology: &Topology) -> Addresses {
    let numbered = |from: u32, names: Vec<String>| {
        names.into_iter().zip(from..).map(|(name, address)| (name, Ipv4Addr::from_bits(address))).collect()
    };
    let services = topology.services.iter().map(|service| service.name.clone()).collect();
    let pods = topology.pods().map(|pod| pod.name()).chain([CLIENT.to_owned()]).collect();
    Addresses { services: numbered(SERVICES_FROM, services), pods: numbered(PODS_FROM, pods) }
}

impl Addresses {
    /// Virtual address of a service of this node's topology.
    pub fn service(&self, name: &str) -> Ipv4Addr {
        look_up(&self.services, name)
    }

    /// Address of a pod of this node.
    pub fn pod(&self, name: &str) -> Ipv4Addr {
        look_up(&self.pods, name)
    }
}

fn look_up(list: &[(String, Ipv4Addr)], name: &str) -> Ipv4Addr {
    let entry = list.iter().find(|(known, _)| known == name);
    entry.expect("every service and pod of the topology has been given an address").1
}

/// A pod's `/etc/resolv.conf`, as the kubelet writes it for `ClusterFirst`.
pub fn resolv_conf() -> String {
    format!("search default.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}\nnameserver {DNS}\noptions ndots:5\n")
}

/// A pod's `/etc/hosts`, as the kubelet writes it: nothing of the host's.
pub fn hosts(pod: &str, address: Ipv4Addr) -> String {
    format!(
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
         fe00::\tip6-localnet\nfe00::\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n\
         {address}\t{pod}\n"
    )
}

/// A pod's `/etc/nsswitch.conf`: names are looked up as in a container, whatever the host asks besides, such as a resolver
/// of its own behind a socket.
pub const NSSWITCH_CONF: &str = "hosts: files dns\n";

#[cfg(test)]
mod tests;
