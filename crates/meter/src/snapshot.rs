use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use measure::{ContainerUse, LinkUse, MachineUse};

use crate::{ContainerMeter, CpuTime, LinkMeter, Machine, MachineTime, MeterError};

/// Clocks that are read one after the other differ by less.
const SUSPENDED_S_MIN: f64 = 0.1;

/// What every container and the machine had used at one instant.
#[derive(Clone, Debug)]
pub struct Snapshot {
    taken: Instant,
    /// The clock that runs on while the machine is suspended, at the same instant.
    boot: Duration,
    containers: Vec<ContainerReading>,
    links: Vec<LinkUse>,
    machine: MachineTime,
}

/// What was used between two snapshots.
#[derive(Clone, Debug)]
pub struct Used {
    /// Time between the two, in seconds.
    pub wall_s: f64,
    /// Time beyond that for which the machine was suspended, in seconds.
    pub suspended_s: f64,
    /// Containers that are in both, in the order of the later; memory is that at the end.
    pub containers: Vec<ContainerUse>,
    /// Links that are in both, in the order of the later.
    pub links: Vec<LinkUse>,
    /// The whole machine.
    pub machine: MachineUse,
}

#[derive(Clone, Debug)]
struct ContainerReading {
    pod: String,
    container: String,
    cpu: CpuTime,
    memory_bytes: u64,
    throttled: u64,
}

impl Snapshot {
    /// Reads all meters: CPU time first, at the instant of the snapshot, then memory, which takes longer and changes
    /// less.
    ///
    /// # Errors
    ///
    /// Any meter that cannot be read: a figure without one of its parts would be too low.
    pub fn take(containers: &[ContainerMeter], links: &[LinkMeter], machine: &Machine) -> Result<Self, MeterError> {
        let (taken, boot) = (Instant::now(), since_boot());
        let cpu: Vec<CpuTime> = containers.iter().map(ContainerMeter::cpu).collect::<Result<_, _>>()?;
        let machine = machine.time()?;
        let links = links.iter().map(LinkMeter::sent).collect::<Result<_, _>>()?;
        let seen = containers.iter().zip(cpu).map(|(container, cpu)| {
            let (pod, name) = (container.pod().to_owned(), container.container().to_owned());
            let (memory_bytes, throttled) = (container.memory()?, container.throttled()?);
            Ok(ContainerReading { pod, container: name, cpu, memory_bytes, throttled })
        });
        Ok(Self { taken, boot, containers: seen.collect::<Result<_, MeterError>>()?, links, machine })
    }

    /// When it was taken, in seconds since `start`; zero if that was later.
    pub fn taken_s(&self, start: Instant) -> f64 {
        self.taken.saturating_duration_since(start).as_secs_f64()
    }

    /// What was used from this snapshot to a later one.
    pub fn until(&self, later: &Self) -> Used {
        let wall_s = later.taken.saturating_duration_since(self.taken).as_secs_f64();
        let containers = later.containers.iter().filter_map(|end| Some(self.find(end)?.until(end))).collect();
        let links = later.links.iter().filter_map(|end| Some(sent_between(self.link(&end.pod)?, end))).collect();
        let suspended_s = suspended_s(wall_s, later.boot.saturating_sub(self.boot).as_secs_f64());
        Used { wall_s, suspended_s, containers, links, machine: machine_use(&self.machine, &later.machine) }
    }

    fn link(&self, pod: &str) -> Option<&LinkUse> {
        self.links.iter().find(|link| link.pod == pod)
    }

    fn find(&self, other: &ContainerReading) -> Option<&ContainerReading> {
        self.containers.iter().find(|seen| (&seen.pod, &seen.container) == (&other.pod, &other.container))
    }
}

impl ContainerReading {
    fn until(&self, end: &Self) -> ContainerUse {
        ContainerUse {
            pod: end.pod.clone(),
            container: end.container.clone(),
            cpu_s: grown(self.cpu.total_s, end.cpu.total_s),
            cpu_user_s: grown(self.cpu.user_s, end.cpu.user_s),
            cpu_system_s: grown(self.cpu.system_s, end.cpu.system_s),
            memory_bytes: end.memory_bytes,
            throttled: end.throttled.saturating_sub(self.throttled),
        }
    }
}

fn sent_between(start: &LinkUse, end: &LinkUse) -> LinkUse {
    LinkUse {
        pod: end.pod.clone(),
        sent_bytes: end.sent_bytes.saturating_sub(start.sent_bytes),
        sent_frames: end.sent_frames.saturating_sub(start.sent_frames),
    }
}

fn machine_use(start: &MachineTime, end: &MachineTime) -> MachineUse {
    MachineUse {
        busy_s: grown(start.busy_s, end.busy_s),
        irq_s: grown(start.irq_s, end.irq_s),
        softirq_s: grown(start.softirq_s, end.softirq_s),
        steal_s: grown(start.steal_s, end.steal_s),
        capacity_s: grown(start.capacity_s, end.capacity_s),
        pressure_s: start.pressure_s.zip(end.pressure_s).map(|(start, end)| grown(start, end)),
        runnable: Some((start.runnable + end.runnable) as f64 / 2.0),
    }
}

/// Time since the machine started, that for which it was suspended included (clock_gettime(2), CLOCK_BOOTTIME).
fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).expect("every Linux has this clock").into()
}

/// What the clock that runs on shows beyond the other one; the two are read one after the other, so that the least is none.
fn suspended_s(wall_s: f64, boot_s: f64) -> f64 {
    let beyond_s = boot_s - wall_s;
    if beyond_s < SUSPENDED_S_MIN { 0.0 } else { beyond_s }
}

/// The kernel's split into user and system, and its idle time, may step back by a tick.
fn grown(start: f64, end: f64) -> f64 {
    (end - start).max(0.0)
}

#[cfg(test)]
mod tests;
