//! How the links of a node are made, in either kind of network.

use std::io;
use std::net::Ipv4Addr;

use ground::Network;

use crate::namespace::NetNs;
use crate::{link, routed};

/// Gives the node its addresses, and one link to each of these pods.
pub(crate) fn wire_node(network: Network, node: &NetNs, pods: &[(&NetNs, Ipv4Addr)]) -> io::Result<()> {
    match network {
        Network::Bridge => link::wire_node(node, &pods.iter().map(|(pod, _)| *pod).collect::<Vec<_>>()),
        Network::Routed => routed::wire_node(node, pods),
    }
}

/// Gives the pod its address and its way out; its `eth0` is there already.
pub(crate) fn wire_pod(network: Network, pod: &NetNs, address: Ipv4Addr) -> io::Result<()> {
    match network {
        Network::Bridge => link::wire_pod(pod, address),
        Network::Routed => routed::wire_pod(pod, address),
    }
}
