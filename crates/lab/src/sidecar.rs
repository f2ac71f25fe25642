//! A pod's Envoy, its files, and the agent beside it.

use std::io;

use ground::{ArmPlan, INSIDE, Limits, destinations, workload};
use plane::Sidecar;

use crate::error::{LabError, step};
use crate::files::{write_anew, write_private};
use crate::health::start_pilot;
use crate::pod::Pod;
use crate::process::Program;
use crate::rules::apply_rules;
use crate::site::Site;

/// Redirects the pod's traffic and starts its agent and its Envoy, in the order of an injected pod: rules first.
pub(crate) fn start_sidecar(site: &Site<'_>, arm: &ArmPlan, pod: &mut Pod, options: &Sidecar) -> Result<(), LabError> {
    apply_rules(pod.netns(), &pod.files().join("redirect.nft"), &plane::redirect(options))?;
    write_sidecar_files(site, pod, options).map_err(step(format!("write {}", pod.files().display())))?;
    start_envoy(site, arm, pod, options)
}

pub(crate) fn limit_proxy(site: &Site<'_>, arm: &ArmPlan, pod: &Pod) -> Result<(), LabError> {
    if arm.limits == Limits::default() {
        return Ok(());
    }
    let limited = site.trees.limit(&pod.group("proxy"), &arm.limits);
    let kept = limited.and_then(|()| write_anew(&pod.files().join("limits.yaml"), &arm.limits.to_string()));
    kept.map_err(step(format!("limit the proxy of `{}`", pod.name())))
}

/// Starts an agent and an Envoy on the files that lie in the pod's folder.
pub(crate) fn start_envoy(site: &Site<'_>, arm: &ArmPlan, pod: &mut Pod, options: &Sidecar) -> Result<(), LabError> {
    limit_proxy(site, arm, pod)?;
    start_pilot(site, pod, options)?;
    let mut command = vec![site.blueprint.envoy.to_string_lossy().into_owned()];
    command.extend(plane::arguments(options, &format!("{INSIDE}/bootstrap.json")));
    let program = Program { command, environment: Vec::new(), takes_orders: false };
    pod.keep_command("command.txt", &program)?;
    pod.start("proxy", &program, Some(plane::PROXY_UID), site.trees)
}

fn write_sidecar_files(site: &Site<'_>, pod: &Pod, options: &Sidecar) -> io::Result<()> {
    let workload = workload(site.blueprint.topology, pod.name(), pod.address());
    let destinations = destinations(site.blueprint.topology, site.addresses);
    let bootstrap = plane::bootstrap(&workload, &destinations, &proxy_files(), options);
    write_private(&pod.files().join("bootstrap.json"), &format!("{bootstrap:#}\n"), plane::PROXY_UID)?;
    site.identities.write(&workload.account, pod.files(), plane::PROXY_UID)
}

/// Where a proxy finds its certificates.
pub(crate) fn proxy_files() -> plane::Files {
    let inside = |name: &str| format!("{INSIDE}/{name}.pem");
    plane::Files { certificate: inside("certificate"), key: inside("key"), authority: inside("authority") }
}
