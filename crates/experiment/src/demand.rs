//! What a plan needs of the machine, derived from the experiment alone before anything starts. `limits` compares it
//! with what the machine grants. Figures are lower bounds: a run that is refused because of them could not have stood.
//!
//! The constants were measured on Linux 6.18 with two cores: labs of 2, 10, 40 and 100 pods without and with sidecars,
//! and sidecars that know 0 and 1000 services (`mesh_size`), read from /proc while they stood.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use plane::{Plane, Sidecar};
use topology::{Service, Step, Topology, Work};

use crate::{Arm, Experiment};

/// One KiB, in bytes.
const KIB: u64 = 1 << 10;
/// One MiB, in bytes.
const MIB: u64 = 1 << 20;

/// Open files of this program for each pod: its namespaces (net, mnt, pid, uts, ipc), its root folder, and its network
/// counters.
const FILES_OF_A_POD: u64 = 7;
/// Open files for each of our own programs: its orders and its answers.
const FILES_OF_A_ROLE: u64 = 2;
/// Open files for each container, and each program of a node: the meters of CPU time and memory.
const FILES_OF_A_METER: u64 = 2;
/// Open files for the run itself: input, output, lock, meters of the machine.
const FILES_OF_A_RUN: u64 = 8;

/// Open files for the kernel witness.
const FILES_OF_A_WITNESS: u64 = 35;
/// Open files for the witnesses of drops, UDP and DNS.
const FILES_OF_FURTHER_WITNESSES: u64 = 45;

/// Processes and threads of one of our own programs: itself, and the reader of its orders.
const TASKS_OF_A_ROLE: u64 = 2;
/// Processes and threads of a simulated service at rest.
const TASKS_OF_A_SERVICE: u64 = 5;
/// Processes and threads of an Envoy besides its workers: 7 in all with one worker, 9 with two, 13 with four.
const TASKS_OF_AN_ENVOY: u64 = 5;
/// Threads of one of Envoy's workers.
const TASKS_OF_A_WORKER: u64 = 2;

/// Memory of a process of ours that it shares with nothing; 2.6 MiB in a build without optimisation.
const MEMORY_OF_A_ROLE: u64 = MIB;
/// Kernel memory for a pod: namespaces, links, control groups and stacks. Measured: 1.25 MiB of slab, stacks, page
/// tables and per-CPU memory with one container, 2 MiB with two.
const MEMORY_OF_A_POD: u64 = MIB;
/// Memory of an Envoy at rest that knows no services. Measured: 15.0 MiB.
const MEMORY_OF_AN_ENVOY: u64 = 14 * MIB;
/// Memory of an Envoy for each service that it knows. Measured: 86.6 MiB in all with 1000 services.
const MEMORY_OF_A_DESTINATION: u64 = 68 * KIB;

/// Disk space of a pod in the run folder: its files of /etc and its logs, most of them less than a block.
const DISK_OF_A_POD: u64 = 20 * KIB;
/// Disk space of a sidecar: its configuration of 147 kB, stored once as a file and once in the arm's difference.
const DISK_OF_A_SIDECAR: u64 = 290 * KIB;
/// Disk space for each service that a sidecar knows: 6.0 kB of configuration, also stored twice.
const DISK_OF_A_DESTINATION: u64 = 11 * KIB;

/// Estimated duration of a stand-up with one pod.
const STAND: Duration = Duration::from_secs(1);
/// Estimated additional duration for each further pod.
const STAND_OF_A_POD: Duration = Duration::from_millis(100);
/// Estimated additional duration for each sidecar.
const STAND_OF_A_SIDECAR: Duration = Duration::from_millis(400);
/// Estimated additional duration for each service that a sidecar knows.
const STAND_OF_A_DESTINATION: Duration = Duration::from_millis(4);
/// Estimated duration of a hop without sidecars.
const HOP: Duration = Duration::from_micros(300);
/// Estimated additional duration of a hop between two sidecars.
const HOP_BETWEEN_PROXIES: Duration = Duration::from_millis(1);

/// What a run needs while all its arms stand, and the disk space it needs in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Arms that stand at the same time.
    pub arms: u64,
    /// Pods of these arms, including clients and gateways.
    pub pods: u64,
    /// Network namespaces: one for each pod and for each arm's node.
    pub namespaces: u64,
    /// Files that this program holds open.
    pub files: u64,
    /// Threads of this program.
    pub threads: u64,
    /// Processes and threads of the lab.
    pub tasks: u64,
    /// Processes and threads of the lab that belong to the proxies' user.
    pub proxy_tasks: u64,
    /// Memory of the lab, in bytes.
    pub memory_bytes: u64,
    /// Containers of the user's own programs, whose memory is unknown.
    pub unknown: u64,
    /// Disk space of the run folder, in bytes.
    pub disk_bytes: u64,
}

impl Demand {
    /// Computes what this experiment needs.
    pub fn of(experiment: &Experiment) -> Demand {
        let mut demand = Demand::of_arms(&experiment.topology.graph, &experiment.standing());
        demand.disk_bytes = demand.disk_bytes.saturating_mul(experiment.stand_ups().into());
        demand
    }

    /// Computes what these arms need while they stand.
    fn of_arms(graph: &Topology, arms: &[Arm]) -> Demand {
        let none = Demand { files: FILES_OF_A_RUN, threads: 1, ..Demand::default() };
        let mut demand = arms.iter().fold(none, |mut demand, arm| {
            demand.add_arm(graph, arm);
            demand
        });
        // The programs are loaded once, for one arm after the other.
        demand.files += if arms.iter().any(|arm| arm.watched) { FILES_OF_A_WITNESS } else { 0 };
        demand.files += if arms.iter().any(|arm| arm.watched_beyond) { FILES_OF_FURTHER_WITNESSES } else { 0 };
        demand
    }

    fn add_arm(&mut self, graph: &Topology, arm: &Arm) {
        self.arms += 1;
        // The node's namespace, in which its DNS server runs.
        self.namespaces += 1;
        self.files += 1;
        self.add_role();
        self.files += FILES_OF_A_METER;
        let known = graph.services.len() as u64;
        let is_outside = arm.gateway.is_some();
        for pod in graph.pods() {
            self.add_pod();
            self.add_app(&pod.version.work);
            match &arm.plane {
                Plane::None => {}
                Plane::Sidecar(options) => {
                    if options.stands_by(true, calls(&pod.version.work)) {
                        self.add_sidecar(options, arm, known);
                    }
                }
                Plane::Proxy(_) => self.add_program(),
            }
        }
        // The client's pod.
        self.add_pod();
        self.add_role();
        self.files += FILES_OF_A_METER;
        match &arm.plane {
            Plane::Sidecar(options) if !is_outside && options.stands_by(false, true) => {
                self.add_sidecar(options, arm, known);
            }
            Plane::Proxy(_) if !is_outside => self.add_program(),
            _ => {}
        }
        if let Some(options) = &arm.gateway {
            self.add_pod();
            self.add_sidecar(options, arm, known);
        }
    }

    /// Adds a pod without containers.
    fn add_pod(&mut self) {
        self.pods += 1;
        self.namespaces += 1;
        self.files += FILES_OF_A_POD;
        self.memory_bytes += MEMORY_OF_A_POD;
        self.disk_bytes += DISK_OF_A_POD;
        self.add_role();
    }

    /// Adds one of our own programs, which takes orders.
    fn add_role(&mut self) {
        self.files += FILES_OF_A_ROLE;
        self.threads += 1;
        self.tasks += TASKS_OF_A_ROLE;
        self.memory_bytes += MEMORY_OF_A_ROLE;
    }

    fn add_app(&mut self, work: &Work) {
        match work {
            Work::Command { .. } => self.add_program(),
            Work::Simulated { memory_bytes, .. } => {
                self.add_role();
                self.files += FILES_OF_A_METER;
                self.tasks += TASKS_OF_A_SERVICE - TASKS_OF_A_ROLE;
                self.memory_bytes = self.memory_bytes.saturating_add(*memory_bytes);
            }
        }
    }

    /// Adds a program of the user's own, in a container.
    fn add_program(&mut self) {
        self.files += FILES_OF_A_METER;
        self.tasks += 1;
        self.unknown += 1;
    }

    /// Adds an Envoy that knows this many services of the topology, and the agent beside it.
    fn add_sidecar(&mut self, options: &Sidecar, arm: &Arm, known: u64) {
        let known = known + u64::from(options.mesh_size);
        let memory = MEMORY_OF_AN_ENVOY + MEMORY_OF_A_DESTINATION * known;
        let tasks = TASKS_OF_AN_ENVOY + TASKS_OF_A_WORKER * u64::from(options.concurrency);
        self.add_role();
        self.files += FILES_OF_A_METER;
        self.tasks += tasks;
        self.proxy_tasks += tasks + TASKS_OF_A_ROLE;
        // A proxy with a memory limit is killed at the limit, or uses less.
        self.memory_bytes += arm.limits.memory_bytes.map_or(memory, |most| most.min(memory));
        self.disk_bytes += DISK_OF_A_SIDECAR + DISK_OF_A_DESTINATION * known;
    }
}

/// Whether a pod may call others. For the user's own programs this is unknown, so they count as callers.
fn calls(work: &Work) -> bool {
    match work {
        Work::Command { .. } => true,
        Work::Simulated { endpoints, .. } => {
            endpoints.iter().flat_map(|endpoint| &endpoint.script).any(|step| matches!(step, Step::Calls(_)))
        }
    }
}

impl Demand {
    /// The demand as rows of a name and a figure each.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let arms = if self.arms == 1 { "1 arm".to_owned() } else { format!("{} arms at once", self.arms) };
        let beside = match self.unknown {
            0 => String::new(),
            1 => ", plus an unknown amount for your own program".to_owned(),
            many => format!(", plus an unknown amount for your own programs in {many} containers"),
        };
        vec![
            ("pods", format!("{} in {arms}", self.pods)),
            ("open files", self.files.to_string()),
            ("processes and threads", (self.tasks + self.threads).to_string()),
            ("memory", format!("{}{beside}", size(self.memory_bytes))),
            ("disk", size(self.disk_bytes)),
        ]
    }
}

/// The sentence that `run` prints before it starts.
impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<String> = self.rows().iter().map(|(name, figure)| format!("{name}: {figure}")).collect();
        write!(f, "it takes at least: {}", rows.join("; "))
    }
}

/// A size in bytes with a unit, such as `640 MiB` or `7.1 GiB`: two digits or more.
pub fn size(bytes: u64) -> String {
    let mib = bytes as f64 / MIB as f64;
    match mib {
        mib if mib < 10.0 => format!("{mib:.1} MiB"),
        mib if mib < 10_000.0 => format!("{mib:.0} MiB"),
        mib => format!("{:.0} GiB", mib / 1024.0),
    }
}

/// Estimates the duration of a stand-up: its arms stand up side by side, and share the machine.
pub fn stand_up(experiment: &Experiment) -> Duration {
    let graph = &experiment.topology.graph;
    let (pods, known) = (graph.pods().count() as u32 + 1, graph.services.len() as u32);
    let of_arm = |arm: &Arm| {
        let further = arm.plane.sidecar().map_or(0, |options| options.mesh_size);
        let proxy = match arm.plane {
            Plane::None => Duration::ZERO,
            _ => STAND_OF_A_SIDECAR + STAND_OF_A_DESTINATION * known.saturating_add(further),
        };
        (STAND_OF_A_POD + proxy) * pods
    };
    STAND + experiment.standing().iter().map(of_arm).sum::<Duration>()
}

/// Estimates the duration of a request to the experiment's target in this arm, from its script and its hops. Endless
/// calls take the longest possible time.
pub fn request(experiment: &Experiment, arm: &Arm) -> Duration {
    let graph = &experiment.topology.graph;
    let hop = if arm.has_proxies() { HOP + HOP_BETWEEN_PROXIES } else { HOP };
    let target = &experiment.load.request.target;
    let service = graph
        .services
        .iter()
        .find(|service| service.name == target.host() || plane::fqdn(&service.name) == target.host());
    let path = target.path().split('?').next().unwrap_or_default();
    let seconds = service.map_or(0.0, |service| answer_s(graph, service, path, hop.as_secs_f64(), &mut HashMap::new()));
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// Seconds from a call to its answer: the mean over a service's versions, by their weights.
fn answer_s<'a>(
    graph: &'a Topology,
    service: &'a Service,
    path: &'a str,
    hop_s: f64,
    known: &mut HashMap<(&'a str, &'a str), f64>,
) -> f64 {
    if let Some(seconds) = known.get(&(&*service.name, path)) {
        return *seconds;
    }
    let total: f64 = service.versions.iter().map(|version| f64::from(version.weight)).sum();
    let mut mean_s = hop_s;
    for version in &service.versions {
        let Work::Simulated { endpoints, .. } = &version.work else { continue };
        let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.path == path) else { continue };
        let script: f64 = endpoint.script.iter().map(|step| step_s(graph, step, hop_s, known)).sum();
        mean_s += script * f64::from(version.weight) / total.max(1.0);
    }
    known.insert((&service.name, path), mean_s);
    mean_s
}

fn step_s<'a>(graph: &'a Topology, step: &'a Step, hop_s: f64, known: &mut HashMap<(&'a str, &'a str), f64>) -> f64 {
    match step {
        Step::Compute { background: true, .. } => 0.0,
        Step::Compute { cpu, .. } => cpu.as_secs_f64(),
        Step::Wait(time) => time.as_secs_f64(),
        Step::Calls(calls) => calls
            .iter()
            .filter_map(|call| {
                let answered = answer_s(graph, graph.service(&call.service)?, &call.path, hop_s, known);
                Some(answered.min(call.timeout.as_secs_f64() * f64::from(call.retries.saturating_add(1))))
            })
            .fold(0.0, f64::max),
    }
}

#[cfg(test)]
mod tests;
