//! Who asks a node's pods for their health, and who answers for a sidecar.

use std::fs;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use ground::ArmPlan;
use plane::{AGENT_PORT, AppHealthCheck, READINESS_PORT, Sidecar};
use topology::{Metrics, Topology, Work};

use crate::blueprint::Role;
use crate::error::{LabError, step};
use crate::kubelet::HealthCheck;
use crate::namespace::{NetNs, Rest, Room};
use crate::place::node_group;
use crate::pod::Pod;
use crate::process::Process;
use crate::site::Site;

/// The sidecar's own word.
const READINESS: &str = "/healthz/ready";
/// Name of the agent beside Envoy.
pub(crate) const PILOT: &str = "pilot";

/// Starts the agent beside the pod's Envoy.
pub(crate) fn start_pilot(site: &Site<'_>, pod: &mut Pod, options: &Sidecar) -> Result<(), LabError> {
    let probes: Vec<AppHealthCheck> = app_probe(site, pod).into_iter().collect();
    let metrics = app_metrics(site, pod);
    let hold_bytes = agent_bytes(site.blueprint.topology, options);
    let program =
        (site.blueprint.programs)(Role::Pilot { address: pod.address(), probes: &probes, metrics, hold_bytes });
    pod.keep_command("agent.txt", &program)?;
    pod.start_beside("proxy", PILOT, &program, site.trees)
}

/// Memory that the agent of each pod holds, to take what Istio's takes in a mesh of that size.
pub fn agent_bytes(topology: &Topology, options: &Sidecar) -> u64 {
    plane::agent_bytes(topology.services.len() + usize::try_from(options.mesh_size).unwrap_or(usize::MAX))
}

/// Whether the pod's sidecar is ready, asked as the kubelet asks; what was met, else.
pub(crate) fn sidecar_is_ready(pod: &Pod) -> Result<(), String> {
    pod.is_well(pod.address(), READINESS_PORT, READINESS)
}

/// Starts what asks the pods, if this arm has them asked at all. `folder` is the node's.
pub(crate) fn start_kubelet(
    site: &Site<'_>,
    arm: &ArmPlan,
    netns: &NetNs,
    pods: &[Pod],
    folder: &Path,
) -> Result<Option<Process>, LabError> {
    let probes = probes(site, arm, pods);
    if probes.is_empty() {
        return Ok(None);
    }
    let label = format!("{}/node/kubelet", arm.name);
    let path = folder.join("probes.json");
    let text = serde_json::to_string_pretty(&probes).expect("probes are made of strings and numbers");
    fs::write(&path, text).map_err(step(format!("write {}", path.display())))?;
    let groups = site.trees.make(&node_group(site, arm).join("kubelet"));
    let groups = groups.map_err(step(format!("make control groups for `{label}`")))?;
    let room = Room { net: netns.as_fd(), rest: Rest::Host, groups: &groups, user: None, folder: Path::new("/") };
    let log = site.blueprint.folder.join("logs").join(&arm.name).join("node").join("kubelet.log");
    let mut kubelet = Process::start(label, &(site.blueprint.programs)(Role::Kubelet { probes: &path }), &room, log)?;
    kubelet.answer(site.blueprint.patience, site.stop)?;
    Ok(Some(kubelet))
}

/// What is asked of an arm's pods.
fn probes(site: &Site<'_>, arm: &ArmPlan, pods: &[Pod]) -> Vec<HealthCheck> {
    let probe = |pod: &Pod, port: u16, path: String, period: Duration| HealthCheck {
        pod: pod.name().to_owned(),
        address: pod.address(),
        port,
        path,
        period_ms: u64::try_from(period.as_millis()).unwrap_or(u64::MAX),
    };
    let sidecar = |pod: &Pod| {
        let period = arm.probes.sidecar.filter(|_| pod.has(PILOT))?;
        Some(probe(pod, READINESS_PORT, READINESS.to_owned(), period))
    };
    let application = |pod: &Pod| {
        let (period, asked) = (arm.probes.application?, app_probe(site, pod)?);
        // The kubelet has no certificate, so that behind a sidecar the agent asks in its place.
        let (port, path) = if pod.has(PILOT) { (AGENT_PORT, asked.path) } else { (asked.port, asked.target) };
        Some(probe(pod, port, path, period))
    };
    pods.iter().flat_map(|pod| sidecar(pod).into_iter().chain(application(pod))).collect()
}

/// Where the pod's application tells metrics, if it is a program and the topology says so.
fn app_metrics<'a>(site: &Site<'a>, pod: &Pod) -> Option<&'a Metrics> {
    let found = site.pod(pod.name())?;
    found.service.metrics.as_ref().filter(|_| matches!(found.version.work, Work::Command { .. }))
}

/// The readiness probe of the pod's application, where the topology names a path for it.
fn app_probe(site: &Site<'_>, pod: &Pod) -> Option<AppHealthCheck> {
    let found = site.pod(pod.name())?;
    let ready = found.service.ready.as_ref()?;
    Some(AppHealthCheck::ready(&found.service.name, found.service.port, ready))
}
