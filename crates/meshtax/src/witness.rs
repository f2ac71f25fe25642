//! What watches a run: meters of every container, the services' own counts, the sidecars' own metrics.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use lab::{Lab, LabError, Node, Stop};
use measure::{ClockFacts, MemorySource, NODE, Phase, Reading, SidecarFacts};
use meter::{Cgroups, Container, Link, Machine, MeterError, Snapshot};
use service::Counts;

use crate::sidecar::sidecar_facts;

/// How long a service may take to answer an order.
const PATIENCE: Duration = Duration::from_secs(30);

/// The meters of every arm.
pub struct Meters {
    machine: Machine,
    arms: Vec<(Vec<Container>, Vec<Link>)>,
    opened: Instant,
}

impl Meters {
    /// Opens the meters of every container and link of the lab, and of the nodes' own programs; they tell times since `opened`.
    pub fn open(lab: &Lab, opened: Instant) -> anyhow::Result<Meters> {
        let cgroups = Cgroups::discover(Path::new("/"))?;
        let arm = |node: &Node| {
            let pods = node.pods().iter();
            let groups = pods.flat_map(|pod| pod.groups().map(move |(container, path)| (pod.name(), container, path)));
            let groups = groups.chain(node.groups().map(|(container, path)| (NODE, container, path)));
            let containers = groups.map(|(pod, container, path)| cgroups.container(pod, container, &path));
            let links = node.pods().iter().map(|pod| Link::open(Path::new("/"), pod.name(), pod.pid()));
            Ok((containers.collect::<Result<_, _>>()?, links.collect::<Result<_, _>>()?))
        };
        let arms = lab.nodes().iter().map(arm).collect::<Result<_, MeterError>>()?;
        Ok(Meters { machine: Machine::open(Path::new("/"))?, arms, opened })
    }

    /// Where memory figures come from.
    pub fn memory_source(&self) -> MemorySource {
        self.arms
            .iter()
            .flat_map(|(containers, _)| containers)
            .next()
            .map_or(MemorySource::Pss, Container::memory_source)
    }

    /// Reads the meters of one arm.
    pub fn snapshot(&self, arm: usize) -> anyhow::Result<Snapshot> {
        let (containers, links) = &self.arms[arm];
        Ok(Snapshot::take(containers, links, &self.machine)?)
    }

    /// Reads the meters of every arm.
    pub fn snapshots(&self) -> anyhow::Result<Vec<Snapshot>> {
        (0..self.arms.len()).map(|arm| self.snapshot(arm)).collect()
    }

    /// Whether the kernel takes time in interrupts off the tasks that they interrupt.
    pub fn interrupts_apart(&self) -> anyhow::Result<Option<bool>> {
        Ok(meter::interrupts_apart(Path::new("/"))?)
    }

    /// What the machine's clocks follow now.
    pub fn clock(&self) -> anyhow::Result<ClockFacts> {
        Ok(meter::clock(Path::new("/"))?)
    }

    /// What was used between two snapshots of an arm.
    pub fn reading(&self, phase: Phase, arm: &str, round: u32, from: &Snapshot, to: &Snapshot) -> Reading {
        let used = from.until(to);
        Reading {
            phase,
            arm: arm.to_owned(),
            round,
            started_s: from.taken_s(self.opened),
            wall_s: used.wall_s,
            suspended_s: used.suspended_s,
            containers: used.containers,
            links: used.links,
            machine: used.machine,
        }
    }
}

/// Waits until no simulated service of the arm has a request or background work in flight.
pub fn settle(node: &mut Node, stop: &Stop) -> Result<(), LabError> {
    order(node, "settle", stop).map(|_| ())
}

/// What the arm's simulated services have counted since they started.
pub fn counts(node: &mut Node, stop: &Stop) -> anyhow::Result<Vec<Counts>> {
    let answers = order(node, "counts", stop)?;
    let parse = |answer: &String| serde_json::from_str(answer).context("a service's counts are damaged");
    answers.iter().map(parse).collect()
}

/// Gives an order to every simulated service, then collects the answers.
fn order(node: &mut Node, order: &str, stop: &Stop) -> Result<Vec<String>, LabError> {
    let is_service = |pod: &&mut lab::Pod| pod.name() != lab::address::CLIENT;
    let services = node.pods_mut().iter_mut().filter(is_service);
    let mut apps: Vec<_> = services.filter_map(|pod| pod.container("app")).filter(|app| app.takes_orders()).collect();
    apps.iter_mut().try_for_each(|app| app.order(order))?;
    apps.iter_mut().map(|app| app.answer(PATIENCE, stop)).collect()
}

/// Keeps what each proxy says of itself in `folder`, in Prometheus's text format, and reads the facts in it.
pub fn scrape(node: &Node, folder: &Path) -> anyhow::Result<Vec<SidecarFacts>> {
    let mut facts = Vec::new();
    for (pod, options) in node.proxies() {
        let name = format!("planes/{}/{}/stats.prom", node.name(), pod.name());
        let (_, text) = pod
            .http_get(std::net::Ipv4Addr::LOCALHOST, plane::ADMIN_PORT, "/stats/prometheus")
            .with_context(|| format!("cannot read the metrics of the sidecar of `{}`", pod.name()))?;
        let file = folder.join(&name);
        lab::write_anew(&file, &text).with_context(|| format!("cannot write {}", file.display()))?;
        facts.push(sidecar_facts(node.name(), pod.name(), options, &text));
    }
    Ok(facts)
}

/// Nanoseconds in milliseconds.
pub fn in_ms(ns: f64) -> f64 {
    ns / 1e6
}
