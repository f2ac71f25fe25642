use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use plane::{Plane, Sidecar};
use topology::{Service, Step, Topology, Work};

use crate::address::{Addresses, CLIENT, DNS};
use crate::authority::Identities;
use crate::cgroup::Trees;
use crate::dns::Zone;
use crate::error::{LabError, step};
use crate::gateway;
use crate::health::{PILOT, sidecar_is_ready, start_kubelet, start_pilot};
use crate::kube_proxy;
use crate::limits::Limits;
use crate::mark::PREFIX;
use crate::namespace::{NetNs, Rest, Room};
use crate::place::{make_files, make_volumes, node_group, place};
use crate::pod::{Ending, Pod, write_anew, write_private};
use crate::process::{PATH, Process, Program};
use crate::proxy;
use crate::stand::{ArmPlan, Blueprint, Role, Stop};

/// Where a pod finds its own files; the pod's folder is mounted there.
pub(crate) const INSIDE: &str = "/run/meshtax";

/// One arm, standing: a network of its own with every pod of the topology and the client's.
#[derive(Debug)]
pub struct Node {
    name: String,
    plane: Plane,
    gateway: Option<Sidecar>,
    pods: Vec<Pod>,
    dns: Process,
    kubelet: Option<Process>,
    netns: NetNs,
    /// Relative path of the control group that its own programs have theirs in.
    group: PathBuf,
    trees: Trees,
}

/// What making a node needs beside its arm.
pub(crate) struct Site<'a> {
    pub id: &'a str,
    pub blueprint: &'a Blueprint<'a>,
    pub addresses: &'a Addresses,
    pub identities: &'a Identities,
    pub trees: &'a Trees,
    pub stop: &'a Stop,
}

impl Node {
    /// Name of the arm.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands between its pods.
    pub fn plane(&self) -> &Plane {
        &self.plane
    }

    /// Its proxies: the pod of each, and its options.
    pub fn proxies(&self) -> impl Iterator<Item = (&Pod, &Sidecar)> {
        let of_pod = |pod| if Pod::name(pod) == plane::GATEWAY { self.gateway.as_ref() } else { self.plane.sidecar() };
        self.pods.iter().filter(|pod| pod.has("proxy")).filter_map(move |pod| Some((pod, of_pod(pod)?)))
    }

    /// The pods of the topology, in its order, then the client's, then a gateway's.
    pub fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// The pods, to give orders to their containers.
    pub fn pods_mut(&mut self) -> &mut [Pod] {
        &mut self.pods
    }

    /// The pod of that name.
    pub fn pod_mut(&mut self, name: &str) -> Option<&mut Pod> {
        self.pods.iter_mut().find(|pod| pod.name() == name)
    }

    /// The server of its names.
    pub fn dns(&self) -> &Process {
        &self.dns
    }

    /// The server of its names, to give it orders.
    pub(crate) fn dns_mut(&mut self) -> &mut Process {
        &mut self.dns
    }

    /// The load generator, in the client's pod.
    pub fn client(&mut self) -> &mut Process {
        let pod = self.pod_mut(CLIENT).expect("every node has a client pod");
        pod.container("app").expect("the client pod runs the load generator")
    }

    /// Gives the load generator an order and waits for its answer; an error at once if any of the arm's programs ends
    /// meanwhile.
    pub fn ask_client(&mut self, order: &str, patience: Duration, stop: &Stop) -> Result<String, LabError> {
        self.client().order(order)?;
        let deadline = Instant::now() + patience;
        loop {
            if let Some(line) = self.client().glance(deadline, patience)? {
                return Ok(line);
            }
            stop.check()?;
            self.look_after()?;
        }
    }

    /// What asks its pods for their health, if anything does.
    pub fn kubelet(&mut self) -> Option<&mut Process> {
        self.kubelet.as_mut()
    }

    /// Its own programs, `dns` and, where pods are asked for their health, `kubelet`, each with the relative path of its
    /// control group.
    pub fn groups(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        let kubelet = self.kubelet.iter().map(|_| "kubelet");
        std::iter::once("dns").chain(kubelet).map(|name| (name, self.group.join(name)))
    }

    /// Cuts the logs of its pods where they grow for ever, and starts again what has ended and is meant to.
    ///
    /// # Errors
    ///
    /// The first of its programs that has ended and does not start again.
    pub fn tend(&mut self) -> Result<(), LabError> {
        self.pods.iter().try_for_each(Pod::trim_logs)?;
        self.look_after()
    }

    /// Containers that have ended since the last call and start again, each with the name of its pod.
    pub fn take_endings(&mut self) -> Vec<(String, Ending)> {
        let of_pod = |pod: &mut Pod| {
            let name = pod.name().to_owned();
            pod.take_endings().into_iter().map(move |ending| (name.clone(), ending)).collect::<Vec<_>>()
        };
        self.pods.iter_mut().flat_map(of_pod).collect()
    }

    fn look_after(&mut self) -> Result<(), LabError> {
        self.dns.check_alive()?;
        self.kubelet.iter_mut().try_for_each(Process::check_alive)?;
        self.pods.iter_mut().try_for_each(|pod| pod.look_after(&self.trees))
    }

    pub(crate) fn let_go(self) -> Result<(), LabError> {
        self.dns.let_go()?;
        self.kubelet.into_iter().try_for_each(Process::let_go)?;
        self.pods.into_iter().try_for_each(Pod::let_go)
    }
}

/// Makes an arm's namespaces and links and starts its programs, without waiting for them.
pub(crate) fn raise(site: &Site<'_>, arm: &ArmPlan) -> Result<Node, LabError> {
    let node = netns(site, arm, "node")?;
    let members = gateway::pods(site, arm);
    let names = members.iter().map(|(name, _)| name);
    let pods = names.map(|name| netns(site, arm, name)).collect::<Result<Vec<_>, _>>()?;
    let network = site.blueprint.network;
    let links: Vec<(&NetNs, Ipv4Addr)> = pods.iter().zip(members.iter().map(|(_, address)| *address)).collect();
    network.wire_node(&node, &links).map_err(step(format!("wire the node of arm `{}`", arm.name)))?;
    for (pod, (name, address)) in pods.iter().zip(&members) {
        network.wire_pod(pod, *address).map_err(step(format!("wire pod `{name}` of arm `{}`", arm.name)))?;
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
        let found = site.blueprint.topology.pods().find(|pod| pod.name() == self.name());
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
    let found = site.blueprint.topology.pods().find(|known| known.name() == pod.name());
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
    let found = site.blueprint.topology.pods().find(|known| known.name() == pod.name());
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

/// Redirects the pod's traffic and starts its agent and its Envoy, in the order of an injected pod: rules first.
fn start_sidecar(site: &Site<'_>, arm: &ArmPlan, pod: &mut Pod, options: &Sidecar) -> Result<(), LabError> {
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

/// Keeps the command line of a pod's program in the pod's folder, an argument a line.
pub(crate) fn keep_command(pod: &Pod, file: &str, program: &Program) -> Result<(), LabError> {
    let path = pod.files().join(file);
    write_anew(&path, &format!("{}\n", program.command.join("\n"))).map_err(step(format!("write {}", path.display())))
}

/// Starts an agent and an Envoy on the files that lie in the pod's folder.
pub(crate) fn start_envoy(site: &Site<'_>, arm: &ArmPlan, pod: &mut Pod, options: &Sidecar) -> Result<(), LabError> {
    limit_proxy(site, arm, pod)?;
    start_pilot(site, pod, options)?;
    let mut command = vec![site.blueprint.envoy.to_string_lossy().into_owned()];
    command.extend(plane::arguments(options, &format!("{INSIDE}/bootstrap.json")));
    let program = Program { command, environment: Vec::new(), takes_orders: false };
    keep_command(pod, "command.txt", &program)?;
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

/// The pod of that name as its proxy knows it; the client's if the topology has none.
pub(crate) fn workload(topology: &Topology, name: &str, address: Ipv4Addr) -> plane::Workload {
    let found = topology.pods().find(|known| known.name() == name);
    let (service, version, account, ports) = match found {
        Some(known) => (&*known.service.name, &*known.version.name, &*known.service.account, vec![port(known.service)]),
        None => (CLIENT, "v1", CLIENT, Vec::new()),
    };
    plane::Workload {
        pod: name.to_owned(),
        service: service.to_owned(),
        version: version.to_owned(),
        namespace: plane::NAMESPACE,
        account: account.to_owned(),
        address,
        ports,
    }
}

/// Every sidecar knows every service, as istiod's default has it.
pub(crate) fn destinations(topology: &Topology, addresses: &Addresses) -> Vec<plane::Destination> {
    let destination = |service: &Service| plane::Destination {
        service: service.name.clone(),
        namespace: plane::NAMESPACE,
        port: port(service),
        account: service.account.clone(),
        address: addresses.service(&service.name),
        endpoints: kube_proxy::weighted(service).map(|(pod, weight)| endpoint(addresses, &pod, weight)).collect(),
    };
    topology.services.iter().map(destination).collect()
}

fn endpoint(addresses: &Addresses, pod: &topology::Pod<'_>, weight: u32) -> plane::Endpoint {
    let (name, version) = (pod.name(), pod.version.name.clone());
    plane::Endpoint { address: addresses.pod(&name), pod: name, weight, version }
}

fn port(service: &Service) -> plane::Port {
    plane::Port { number: service.port, protocol: service.protocol, declared: service.declared }
}

/// The accounts that need an identity: every service's, the client's and a gateway's.
pub(crate) fn accounts(topology: &Topology) -> Vec<String> {
    let mut accounts: Vec<String> = topology.services.iter().map(|service| service.account.clone()).collect();
    accounts.extend([CLIENT, plane::GATEWAY_ACCOUNT].map(str::to_owned));
    accounts.sort();
    accounts.dedup();
    accounts
}

/// Keeps the rules as a file and has `nft` load it inside `netns`.
pub(crate) fn apply_rules(netns: &NetNs, path: &Path, rules: &str) -> Result<(), LabError> {
    write_anew(path, rules).map_err(step(format!("write {}", path.display())))?;
    nft(netns, rules).map(drop)
}

/// From this program's own `PATH` or, since that often lacks the folders of administrators, from the lab's.
fn spawn_nft() -> io::Result<Child> {
    let mut nft = Command::new("nft");
    nft.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    match nft.spawn() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => nft.env("PATH", PATH).spawn(),
        spawned => spawned,
    }
}

/// Has `nft` perform commands inside `netns`; what it says.
pub(crate) fn nft(netns: &NetNs, rules: &str) -> Result<String, LabError> {
    let output = netns.run(|| {
        let mut child = spawn_nft()?;
        // One that has ended takes no commands; its status and its words say why.
        let taken = child.stdin.take().expect("standard input is piped").write_all(rules.as_bytes());
        child.wait_with_output().map(|output| (output, taken.is_ok()))
    });
    let (output, is_taken) = output.map_err(step("run `nft`"))?;
    if output.status.success() && is_taken {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let message = if said.trim().is_empty() { format!("it ended ({})", output.status) } else { said.trim().to_owned() };
    Err(LabError::Tool { tool: "nft", message })
}
