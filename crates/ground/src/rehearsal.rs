//! What the templates of a proxy of the user's own become in each pod.

use std::net::Ipv4Addr;

use plane::{Proxy, Rendered, Surroundings, TemplatePart};
use topology::{Mistake, Topology};

use crate::address::{Addresses, assign};
use crate::{destinations, workload};

/// Where a pod finds its own files; the pod's folder is mounted there.
pub const INSIDE: &str = "/run/meshtax";

/// Files that every pod of an arm with such proxies has in its folder; no template may be called like one of them.
pub const FILES_RESERVED: [&str; 10] = [
    "hosts",
    "resolv.conf",
    "nsswitch.conf",
    "redirect.nft",
    "command.txt",
    "limits.yaml",
    "certificate.pem",
    "key.pem",
    "identity.pem",
    "authority.pem",
];

/// Fills in the templates of `proxy` for every pod of `topology` and for the client's, as standing up will.
///
/// # Errors
///
/// The first template that cannot be filled in, and what is wrong there.
pub fn rehearse(proxy: &Proxy, topology: &Topology) -> Result<(), (TemplatePart, Mistake)> {
    let addresses = assign(topology);
    addresses.pods.iter().try_for_each(|(name, address)| render(proxy, topology, &addresses, name, *address).map(drop))
}

/// Fills in the templates of `proxy` for the pod of this name and address.
///
/// # Errors
///
/// A template that cannot be filled in, and what is wrong there.
pub fn render(
    proxy: &Proxy,
    topology: &Topology,
    addresses: &Addresses,
    pod: &str,
    address: Ipv4Addr,
) -> Result<Rendered, (TemplatePart, Mistake)> {
    let workload = workload(topology, pod, address);
    let destinations = destinations(topology, addresses);
    proxy.render(&Surroundings { workload: &workload, destinations: &destinations, folder: INSIDE })
}
