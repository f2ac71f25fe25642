//! Proxies of the user's own: their files, and their start.

use std::net::Ipv4Addr;

use ground::{ArmPlan, render, workload};
use plane::{IDENTITY_FILES, PROXY_UID, Proxy, ProxyReady};

use crate::authority::Identities;
use crate::error::{LabError, step};
use crate::files::write_private;
use crate::pod::Pod;
use crate::process::Program;
use crate::rules::apply_rules;
use crate::sidecar::limit_proxy;
use crate::site::Site;

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
pub(crate) fn is_ready(pod: &Pod, ready: &ProxyReady) -> Result<(), String> {
    match &ready.path {
        Some(path) => pod.is_well(Ipv4Addr::LOCALHOST, ready.port, path),
        None => pod.accepts(Ipv4Addr::LOCALHOST, ready.port),
    }
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
