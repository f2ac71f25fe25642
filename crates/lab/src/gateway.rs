//! The ingress gateway of an arm: a pod with a proxy and nothing else, between the client and the services.

use std::fmt::Write;
use std::net::Ipv4Addr;

use ground::{ArmPlan, address::INGRESS, destinations};
use plane::{GATEWAY, GATEWAY_ACCOUNT, GATEWAY_PORT, PROXY_UID, Sidecar};
use topology::{CLIENT, Protocol};

use crate::error::{LabError, step};
use crate::files::write_private;
use crate::pod::Pod;
use crate::sidecar::{proxy_files, start_envoy};
use crate::site::Site;

/// The pods of an arm and their addresses; a gateway comes last.
pub(crate) fn pods(site: &Site<'_>, arm: &ArmPlan) -> Vec<(String, Ipv4Addr)> {
    let gateway = arm.gateway.as_ref().map(|_| (GATEWAY.to_owned(), INGRESS));
    site.addresses.pods.iter().cloned().chain(gateway).collect()
}

/// Rules of the node that lead to the gateway what the client sends to an `http` service, as a load balancer before the
/// cluster would: the client goes on asking for the same name. They come before those of [`ground::kube_proxy`].
pub(crate) fn rules(site: &Site<'_>) -> String {
    let client = site.addresses.pod(CLIENT);
    let mut text = String::from("table ip meshtax_gateway {\n  chain prerouting {\n");
    text.push_str("    type nat hook prerouting priority dstnat - 1;\n");
    for service in site.blueprint.topology.services.iter().filter(|service| service.protocol == Protocol::Http) {
        let (address, port) = (site.addresses.service(&service.name), service.port);
        writeln!(
            text,
            "    ip saddr {client} ip daddr {address} tcp dport {port} dnat to {INGRESS}:{GATEWAY_PORT} # {}",
            service.name
        )
        .expect("writing to a string cannot fail");
    }
    text.push_str("  }\n}\n");
    text
}

/// Starts the gateway's Envoy in its pod.
pub(crate) fn start(site: &Site<'_>, arm: &ArmPlan, pod: &mut Pod, options: &Sidecar) -> Result<(), LabError> {
    write_files(site, pod, options).map_err(step(format!("write {}", pod.files().display())))?;
    start_envoy(site, arm, pod, options)
}

fn write_files(site: &Site<'_>, pod: &Pod, options: &Sidecar) -> std::io::Result<()> {
    let bootstrap = plane::gateway_bootstrap(
        pod.address(),
        &destinations(site.blueprint.topology, site.addresses),
        &proxy_files(),
        options,
    );
    write_private(&pod.files().join("bootstrap.json"), &format!("{bootstrap:#}\n"), PROXY_UID)?;
    site.identities.write(GATEWAY_ACCOUNT, pod.files(), PROXY_UID)
}
