use std::path::Path;
use std::time::Instant;

use lab::{Lab, Node};
use measure::{ClockFacts, MemorySource, NODE, Reading};
use meter::{Cgroups, ContainerMeter, LinkMeter, Machine, MeterError, Snapshot};

use run::{Meters, Window};

/// The meters of every arm, which read control groups, links and the machine.
pub struct HostMeters {
    machine: Machine,
    arms: Vec<ArmMeters>,
    opened: Instant,
}

/// The meters of one arm.
struct ArmMeters {
    name: String,
    containers: Vec<ContainerMeter>,
    links: Vec<LinkMeter>,
}

impl HostMeters {
    /// Opens the meters of every container and link of the lab, and of the nodes' own programs. Times count from
    /// `opened`.
    pub fn open(lab: &Lab, opened: Instant) -> anyhow::Result<HostMeters> {
        let cgroups = Cgroups::discover(Path::new("/"))?;
        let arm = |node: &Node| {
            let pods = node.pods().iter();
            let groups = pods.flat_map(|pod| pod.groups().map(move |(container, path)| (pod.name(), container, path)));
            let groups = groups.chain(node.groups().map(|(container, path)| (NODE, container, path)));
            let containers = groups.map(|(pod, container, path)| cgroups.container(pod, container, &path));
            let links = node.pods().iter().map(|pod| LinkMeter::open(Path::new("/"), pod.name(), pod.pid()));
            let (containers, links) = (containers.collect::<Result<_, _>>()?, links.collect::<Result<_, _>>()?);
            Ok(ArmMeters { name: node.name().to_owned(), containers, links })
        };
        let arms = lab.nodes().iter().map(arm).collect::<Result<_, MeterError>>()?;
        Ok(HostMeters { machine: Machine::open(Path::new("/"))?, arms, opened })
    }
}

impl Meters for HostMeters {
    type Snapshot = Snapshot;

    fn memory_source(&self) -> MemorySource {
        let first = self.arms.iter().flat_map(|arm| &arm.containers).next();
        first.map_or(MemorySource::Pss, ContainerMeter::memory_source)
    }

    fn clock(&self) -> anyhow::Result<ClockFacts> {
        Ok(meter::clock(Path::new("/"))?)
    }

    fn interrupts_apart(&self) -> anyhow::Result<Option<bool>> {
        Ok(meter::interrupts_apart(Path::new("/"))?)
    }

    fn snapshot(&self, arm: &str) -> anyhow::Result<Snapshot> {
        let arm = self.arms.iter().find(|known| known.name == arm).expect("every arm that stands has meters");
        Ok(Snapshot::take(&arm.containers, &arm.links, &self.machine)?)
    }

    fn reading(&self, window: Window<'_>, from: &Snapshot, to: &Snapshot) -> Reading {
        let used = from.until(to);
        Reading {
            phase: window.phase,
            arm: window.arm.to_owned(),
            round: window.round,
            started_s: from.taken_s(self.opened),
            wall_s: used.wall_s,
            suspended_s: used.suspended_s,
            containers: used.containers,
            links: used.links,
            machine: used.machine,
        }
    }
}
