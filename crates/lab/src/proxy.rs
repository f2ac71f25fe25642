//! Proxies of the user's own: what their templates become in each pod, and their start.

use std::net::Ipv4Addr;

use plane::{IDENTITY_FILES, PROXY_UID, Part, Proxy, Ready, Surroundings};
use topology::{Fault, Topology};

use crate::address::{Addresses, assign};
use crate::authority::Identities;
use crate::blueprint::ArmPlan;
use crate::error::{LabError, step};
use crate::files::write_private;
use crate::pod::Pod;
use crate::process::Program;
use crate::rules::apply_rules;
use crate::sidecar::{INSIDE, limit_proxy};
use crate::site::Site;
use crate::workload::{destinations, workload};

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
pub fn rehearse(proxy: &Proxy, topology: &Topology) -> Result<(), (Part, Fault)> {
    let addresses = assign(topology);
    addresses.pods.iter().try_for_each(|(name, address)| render(proxy, topology, &addresses, name, *address).map(drop))
}

/// Redirects the pod's traffic and starts its proxy, rules first.
pub(crate) fn start_proxy(site: &Site<'_>, arm: &ArmPlan, pod: &mut Pod, proxy: &Proxy) -> Result<(), LabError> {
    let rendered = render(proxy, site.blueprint.topology, site.addresses, pod.name(), pod.address());
    let rendered = rendered.map_err(|(_, fault)| LabError::Template { pod: pod.name().to_owned(), fault })?;
    if let Some(rules) = &rendered.rules {
        apply_rules(pod.netns(), &pod.files().join("redirect.nft"), rules)?;
    }
    let doing = format!("write {}", pod.files().display());
    let files = rendered.files.iter().map(|file| (&*file.name, &*file.text));
    let written = files.map(|(name, text)| write_private(&pod.files().join(name), text, PROXY_UID));
    written.collect::<Result<(), _>>().and_then(|()| write_identity(site, pod)).map_err(step(doing))?;
    limit_proxy(site, arm, pod)?;
    let program = Program { command: rendered.command, environment: Vec::new(), takes_orders: false };
    pod.keep_command("command.txt", &program)?;
    pod.start("proxy", &program, Some(PROXY_UID), site.trees)
}

/// Whether the proxy of `pod` says that it is ready; what was met, else.
pub(crate) fn is_ready(pod: &Pod, ready: &Ready) -> Result<(), String> {
    match &ready.path {
        Some(path) => pod.is_well(Ipv4Addr::LOCALHOST, ready.port, path),
        None => pod.accepts(Ipv4Addr::LOCALHOST, ready.port),
    }
}

fn render(
    proxy: &Proxy,
    topology: &Topology,
    addresses: &Addresses,
    pod: &str,
    address: Ipv4Addr,
) -> Result<plane::Rendered, (Part, Fault)> {
    let workload = workload(topology, pod, address);
    let destinations = destinations(topology, addresses);
    proxy.render(&Surroundings { workload: &workload, destinations: &destinations, folder: INSIDE })
}

fn write_identity(site: &Site<'_>, pod: &Pod) -> std::io::Result<()> {
    let Identities { authority_pem, .. } = site.identities;
    let identity = site.identities.of(&workload(site.blueprint.topology, pod.name(), pod.address()).account);
    let both = format!("{}{}", identity.certificate_pem, identity.key_pem);
    let texts = [&identity.certificate_pem, &identity.key_pem, &both, authority_pem];
    IDENTITY_FILES
        .into_iter()
        .zip(texts)
        .try_for_each(|(name, text)| write_private(&pod.files().join(name), text, PROXY_UID))
}
