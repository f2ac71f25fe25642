use std::io;
use std::net::Ipv4Addr;

use serde::Deserialize;

use crate::namespace::NetNs;
use crate::{link, routed};

/// How the pods of a node reach each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// One bridge joins all pods of a node; they find each other by ARP, as on Minikube.
    #[default]
    Bridge,
    /// A point-to-point link and a route for each pod, without a bridge, as on EKS.
    Routed,
}

impl Network {
    /// Gives the node its addresses, and one link to each of these pods.
    pub(crate) fn wire_node(self, node: &NetNs, pods: &[(&NetNs, Ipv4Addr)]) -> io::Result<()> {
        match self {
            Network::Bridge => link::wire_node(node, &pods.iter().map(|(pod, _)| *pod).collect::<Vec<_>>()),
            Network::Routed => routed::wire_node(node, pods),
        }
    }

    /// Gives the pod its address and its way out; its `eth0` is there already.
    pub(crate) fn wire_pod(self, pod: &NetNs, address: Ipv4Addr) -> io::Result<()> {
        match self {
            Network::Bridge => link::wire_pod(pod, address),
            Network::Routed => routed::wire_pod(pod, address),
        }
    }
}
