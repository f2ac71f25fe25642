//! How an arm comes to stand.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::Path;

use ground::{ArmPlan, address::DNS, kube_proxy};
use plane::{Plane, Sidecar};
use topology::{CLIENT, Step, Work};

use crate::blueprint::Role;
use crate::dns::Zone;
use crate::error::{LabError, step};
use crate::gateway;
use crate::health::{PILOT, sidecar_is_ready, start_kubelet};
use crate::mark::PREFIX;
use crate::namespace::{NetNs, Rest, Room};
use crate::network::{wire_node, wire_pod};
use crate::node::Node;
use crate::place::{make_files, make_volumes, node_group, place};
use crate::pod::Pod;
use crate::process::{Process, Program};
use crate::proxy;
use crate::rules::apply_rules;
use crate::sidecar::start_sidecar;
use crate::site::Site;

/// Makes an arm's namespaces and links and starts its programs, without waiting for them.
pub(crate) fn raise(site: &Site<'_>, arm: &ArmPlan) -> Result<Node, LabError> {
    let node = netns(site, arm, "node")?;
    let members = gateway::pods(site, arm);
    let names = members.iter().map(|(name, _)| name);
    let pods = names.map(|name| netns(site, arm, name)).collect::<Result<Vec<_>, _>>()?;
    let network = site.blueprint.network;
    let links: Vec<(&NetNs, Ipv4Addr)> = pods.iter().zip(members.iter().map(|(_, address)| *address)).collect();
    wire_node(network, &node, &links).map_err(step(format!("wire the node of arm `{}`", arm.name)))?;
    for (pod, (name, address)) in pods.iter().zip(&members) {
        wire_pod(network, pod, *address).map_err(step(format!("wire pod `{name}` of arm `{}`", arm.name)))?;
    }
    let folder = site.blueprint.folder.join("planes").join(&arm.name).join("node");
    fs::create_dir_all(&folder).map_err(step(format!("create {}", folder.display())))?;
    let rules = kube_proxy::rules(site.blueprint.topology, site.addresses);
    apply_rules(&node, &folder.join("services.nft"), &rules)?;
    if arm.gateway.is_some() {
        apply_rules(&node, &folder.join("gateway.nft"), &gateway::rules(site))?;
    }
    make_volumes(site, arm)?;
    // Programs may look names up as soon as they start.
    let mut dns = start_dns(site, arm, &node, &folder)?;
    dns.answer(site.blueprint.patience, site.stop)?;
    let mut raised = Vec::new();
    for (netns, (name, address)) in pods.into_iter().zip(&members) {
        let place = place(site, arm, name);
        make_files(&place, name, *address)?;
        let pause = (site.blueprint.programs)(Role::Pause);
        raised.push(Pod::make(name, *address, netns, place, &pause, site.trees)?);
    }
    let mut node = Node {
        name: arm.name.clone(),
        plane: arm.plane.clone(),
        gateway: arm.gateway.clone(),
        pods: raised,
        dns,
        kubelet: None,
        netns: node,
        group: node_group(site, arm),
        trees: site.trees.clone(),
    };
    for pod in &mut node.pods {
        if let Some(options) = arm.gateway.as_ref().filter(|_| pod.name() == plane::GATEWAY) {
            gateway::start(site, arm, pod, options)?;
            continue;
        }
        // Behind a gateway, the client stands outside the mesh.
        let is_outside = arm.gateway.is_some() && pod.name() == CLIENT;
        match &arm.plane {
            Plane::Sidecar(options) if !is_outside && stands_by(site, pod, options) => {
                start_sidecar(site, arm, pod, options)?;
            }
            Plane::Proxy(own) if !is_outside => proxy::start_proxy(site, arm, pod, own)?,
            _ => {}
        }
        start_app(site, &arm.name, pod)?;
        site.stop.check()?;
    }
    Ok(node)
}

/// Waits until everything on the node is ready.
pub(crate) fn await_ready(site: &Site<'_>, node: &mut Node) -> Result<(), LabError> {
    let patience = site.blueprint.patience;
    for pod in &mut node.pods {
        if pod.has("app") {
            pod.wait_for_app(site)?;
        }
        if let Some(pilot) = pod.container(PILOT) {
            pilot.answer(patience, site.stop)?;
            pod.wait_for("proxy", site, sidecar_is_ready)?;
        } else if let (Plane::Proxy(own), true) = (&node.plane, pod.has("proxy")) {
            pod.wait_for("proxy", site, |pod| proxy::is_ready(pod, &own.ready))?;
        }
    }
    let arm = site.blueprint.arms.iter().find(|arm| arm.name == node.name).expect("every node is one of these arms");
    let folder = site.blueprint.folder.join("planes").join(&arm.name).join("node");
    node.kubelet = start_kubelet(site, arm, &node.netns, &node.pods, &folder)?;
    Ok(())
}

impl Pod {
    fn wait_for_app(&mut self, site: &Site<'_>) -> Result<(), LabError> {
        let patience = site.blueprint.patience;
        let found = site.pod(self.name());
        let Some(pod) = found.filter(|pod| matches!(pod.version.work, Work::Command { .. })) else {
            let app = self.container("app").expect("every pod runs its application");
            return app.answer(patience, site.stop).map(|_| ());
        };
        let (port, ready) = (pod.service.port, pod.service.ready.clone());
        self.wait_for("app", site, |pod| match &ready {
            Some(path) => pod.is_well(pod.address(), port, path),
            None => pod.accepts(pod.address(), port),
        })
    }
}

fn netns(site: &Site<'_>, arm: &ArmPlan, pod: &str) -> Result<NetNs, LabError> {
    let name = format!("{PREFIX}{}-{}-{pod}", site.id, arm.name);
    NetNs::create(&name).map_err(step(format!("create the network namespace `{name}`")))
}

fn start_dns(site: &Site<'_>, arm: &ArmPlan, netns: &NetNs, folder: &Path) -> Result<Process, LabError> {
    let label = format!("{}/node/dns", arm.name);
    let named = site.addresses.services.iter().map(|(name, address)| (plane::fqdn(name), *address));
    let zone = Zone { listen: DNS, records: named.collect::<BTreeMap<_, _>>() };
    let path = folder.join("dns.json");
    let text = serde_json::to_string_pretty(&zone).expect("a zone is made of strings");
    fs::write(&path, text).map_err(step(format!("write {}", path.display())))?;
    let groups = site.trees.make(&node_group(site, arm).join("dns"));
    let groups = groups.map_err(step(format!("make control groups for `{label}`")))?;
    let room = Room { net: netns.as_fd(), rest: Rest::Host, groups: &groups, user: None, folder: Path::new("/") };
    let log = site.blueprint.folder.join("logs").join(&arm.name).join("node").join("dns.log");
    Process::start(label, &(site.blueprint.programs)(Role::Dns { zone: &path }), &room, log)
}

fn start_app(site: &Site<'_>, arm: &str, pod: &mut Pod) -> Result<(), LabError> {
    let found = site.pod(pod.name());
    let program = match found.map(|known| &known.version.work) {
        None => (site.blueprint.programs)(Role::Client),
        Some(Work::Simulated { .. }) => (site.blueprint.programs)(Role::Service { arm, pod: pod.name() }),
        Some(Work::Command { command, environment, .. }) => {
            Program { command: command.clone(), environment: environment.clone(), takes_orders: false }
        }
    };
    pod.start("app", &program, None, site.trees)
}

/// Whether these sidecars stand in that pod, too.
fn stands_by(site: &Site<'_>, pod: &Pod, options: &Sidecar) -> bool {
    let found = site.pod(pod.name());
    options.stands_by(found.is_some(), found.is_none_or(|known| may_call(&known.version.work)))
}

/// Whether a pod dials others; nobody knows what the user's own programs do.
fn may_call(work: &Work) -> bool {
    match work {
        Work::Command { .. } => true,
        Work::Simulated { endpoints, .. } => {
            endpoints.iter().flat_map(|endpoint| &endpoint.script).any(|step| matches!(step, Step::Calls(_)))
        }
    }
}
