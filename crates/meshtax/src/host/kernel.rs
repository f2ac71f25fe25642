//! The kernel witness of a run: attached during the blocks of watched arms, and read after each.

mod beyond;
mod signs;

use self::beyond::Beyond;
use self::signs::HostSigns;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use experiment::Experiment;
use lab::{Lab, Node};
use meter::NetworkTotals;
use probe::Tcp;
use records::ProgramCost;
use run::{KernelTotals, KernelWitness, PacketCounts, ProgramTime, TcpCounts, Watched};

use crate::failure::Failure;

/// The BPF programs and the pods they watch. The programs are attached only during a watched arm's blocks, so sockets
/// of other arms carry no data of theirs and pay nothing.
pub struct Kernel {
    /// The TCP programs, loaded once so that no block pays for loading. `None` if no arm is watched.
    probe: Option<Tcp>,
    /// The other witnesses, while an arm with `watch: all` is watched.
    beyond: Option<Beyond>,
    /// Pods of each watched arm.
    watched: BTreeMap<String, Pods>,
    before: Watched,
}

/// The pods of an arm: their network namespaces, and one process in each.
struct Pods {
    namespaces: HashSet<u32>,
    pids: Vec<u32>,
    /// Whether the witnesses of drops, UDP and DNS watch this arm as well.
    beyond: bool,
    /// The process id of the arm's DNS server.
    dns: u32,
}

/// Checks that the programs can be loaded if an arm is watched. This happens before anything stands.
pub fn check(experiment: &Experiment) -> Result<(), Failure> {
    let is_watched = experiment.arms.iter().any(|arm| arm.watched);
    let load = || {
        Tcp::load().map_err(|error| {
            let hint = "the arms with `watch: on` need it; `meshtax run … --arms none,sidecar` leaves them out, and \
                        `meshtax doctor` says what is missing";
            Failure::because(error, hint)
        })
    };
    if is_watched {
        load().map(drop)?;
    }
    beyond::check(experiment)
}

impl Kernel {
    /// Prepares to watch the pods of `lab` in the arms that are watched.
    pub fn over(experiment: &Experiment, lab: &Lab) -> anyhow::Result<Self> {
        let is_watched = |node: &&Node| experiment.standing().iter().any(|arm| arm.watched && arm.name == node.name());
        let watched = lab.nodes().iter().filter(is_watched);
        let watched = watched.map(|node| Ok((node.name().to_owned(), Pods::of(node, experiment)?)));
        let watched = watched.collect::<anyhow::Result<BTreeMap<_, Pods>>>()?;
        let namespaces = watched.values().flat_map(|pods| &pods.namespaces).copied();
        let load = || Tcp::load_within(namespaces).context("cannot load the kernel witness");
        let probe = (!watched.is_empty()).then(load).transpose()?;
        Ok(Self { probe, beyond: None, watched, before: Watched::default() })
    }

    /// Attaches the programs if this arm is watched.
    fn attach(&mut self, arm: &str) -> anyhow::Result<()> {
        let (Some(probe), Some(pods)) = (&mut self.probe, self.watched.get(arm)) else { return Ok(()) };
        self.beyond = pods.beyond.then(Beyond::begin).transpose()?;
        probe.attach().context("cannot attach the kernel witness")
    }

    /// Reads what the programs and the pods' own kernel counters have counted in a watched arm.
    fn counted(&self, probe: &Tcp, pods: &Pods) -> anyhow::Result<Watched> {
        Ok(Watched { tcp: tcp(probe, &pods.namespaces)?, totals: pods.totals()?, packets: self.packets(pods)? })
    }

    fn packets(&self, pods: &Pods) -> anyhow::Result<Option<PacketCounts>> {
        self.beyond.as_ref().map(|beyond| beyond.packets(&pods.namespaces, pods.dns)).transpose()
    }

    fn detach(&mut self) {
        self.beyond = None;
        if let Some(probe) = &mut self.probe {
            probe.detach();
        }
    }
}

impl KernelWitness for Kernel {
    type Signs = HostSigns;

    fn begin(&mut self, arm: &str) -> anyhow::Result<()> {
        self.attach(arm)?;
        let (Some(probe), Some(pods)) = (&self.probe, self.watched.get(arm)) else { return Ok(()) };
        self.before = self.counted(probe, pods)?;
        Ok(())
    }

    fn end(&mut self, arm: &str) -> anyhow::Result<Option<Watched>> {
        let (Some(probe), Some(pods)) = (&self.probe, self.watched.get(arm)) else { return Ok(None) };
        let watched = self.counted(probe, pods)?.since(self.before);
        self.detach();
        Ok(Some(watched))
    }

    /// Starts the programs' timing. It costs two clock reads per run of a program, and some kernels do not allow it.
    fn begin_timed(&mut self, arm: &str) -> anyhow::Result<bool> {
        if !self.watched.contains_key(arm) {
            return Ok(false);
        }
        self.attach(arm)?;
        let Some(probe) = &mut self.probe else { return Ok(false) };
        probe.time_programs();
        let is_timed = probe.times_programs();
        if !is_timed {
            self.end_timed();
        }
        Ok(is_timed)
    }

    fn times(&self) -> Vec<ProgramTime> {
        let own = self.probe.iter().flat_map(|probe| probe.costs().programs());
        let costs = own.chain(self.beyond.iter().flat_map(Beyond::costs));
        costs.map(|ProgramCost { program, time, runs, .. }| ProgramTime { program, time, runs }).collect()
    }

    fn end_timed(&mut self) {
        self.detach();
        if let Some(probe) = &mut self.probe {
            probe.end_timing();
        }
    }

    fn signs(&self, arm: &str) -> anyhow::Result<Option<HostSigns>> {
        let begin = |pods: &Pods| HostSigns::begin(pods.namespaces.clone(), pods.beyond.then_some(pods.dns));
        self.watched.get(arm).map(begin).transpose()
    }
}

fn tcp(probe: &Tcp, namespaces: &HashSet<u32>) -> anyhow::Result<TcpCounts> {
    let series = probe.series().context("cannot read what the kernel witness has counted")?;
    let here = series.iter().filter(|(key, _)| namespaces.contains(&key.netns));
    Ok(here.fold(TcpCounts::default(), |sum, (_, series)| TcpCounts {
        sent_bytes: sum.sent_bytes + series.sent,
        received_bytes: sum.received_bytes + series.received,
        opened: sum.opened + series.opened,
        closed: sum.closed + series.closed,
        failed: sum.failed + series.failed,
        retransmits: sum.retransmits + series.retransmits,
    }))
}

impl Pods {
    fn of(node: &Node, experiment: &Experiment) -> anyhow::Result<Pods> {
        let inode = |pid: &u32| {
            let file = format!("/proc/{pid}/ns/net");
            let inode = fs::metadata(&file).with_context(|| format!("cannot look at {file}"))?.ino();
            u32::try_from(inode).context("namespaces have small inodes")
        };
        let pids: Vec<u32> = node.pods().iter().map(lab::Pod::pid).collect();
        let beyond = experiment.standing().iter().any(|arm| arm.name == node.name() && arm.watched_beyond);
        let namespaces = pids.iter().map(inode).collect::<anyhow::Result<_>>()?;
        Ok(Pods { namespaces, pids, beyond, dns: node.dns().pid() })
    }

    /// The counters that the kernel keeps for these pods, added up.
    fn totals(&self) -> anyhow::Result<KernelTotals> {
        let mut totals = NetworkTotals::default();
        for pid in &self.pids {
            totals = totals.plus(NetworkTotals::read(Path::new("/"), *pid)?);
        }
        Ok(KernelTotals {
            opens: totals.active_opens + totals.passive_opens,
            failed_opens: totals.failed_opens,
            retransmits: totals.retransmits,
            datagrams: totals.datagrams_sent + totals.datagrams_received,
        })
    }
}
