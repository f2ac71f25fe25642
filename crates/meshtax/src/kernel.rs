//! The kernel witness of a run: attached for the blocks of the arms that are watched, and what it saw in them.

mod beyond;
mod timing;

pub use beyond::{Beyond, Passed};
pub use timing::program_facts;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use lab::{Lab, Node};
use meter::NetworkTotals;
use probe::Tcp;
use serde::Serialize;

use crate::experiment::Experiment;
use crate::failure::Failure;

/// Whom the programs watch, and the programs, which are attached while they do. Sockets of the other arms bear nothing of
/// them, and pay nothing.
pub struct Kernel {
    /// Loaded once, so that no block pays for that; none if no arm is watched.
    probe: Option<Tcp>,
    /// The witnesses beside it, where the arm is watched by all.
    beyond: Option<Beyond>,
    /// Pods of each watched arm.
    watched: BTreeMap<String, Pods>,
    before: Watched,
}

/// The pods of an arm: their network namespaces, and a process in each.
struct Pods {
    namespaces: HashSet<u32>,
    pids: Vec<u32>,
    /// Whether the other witnesses watch as well.
    beyond: bool,
    /// The server of the arm's names.
    dns: u32,
}

/// What the witness saw of an arm, and what its pods' kernels counted of the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watched {
    /// By the witness.
    pub moved: Moved,
    /// By the pods' own totals.
    pub truth: NetworkTotals,
    /// By the witnesses beside it, and what others counted of the same.
    pub passed: Option<Passed>,
}

/// What the witness saw in a block and the requests just before it: a line of `probe.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub struct Sight {
    pub arm: String,
    round: u32,
    #[serde(flatten)]
    pub moved: Moved,
    /// What the pods' own totals say.
    #[serde(skip)]
    pub truth: NetworkTotals,
    #[serde(flatten)]
    pub passed: Option<Passed>,
}

/// TCP within an arm, both ends counted: payload bytes, connections, opens that failed, segments sent
/// again.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Moved {
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub opened: u64,
    pub closed: u64,
    pub failed: u64,
    pub retransmits: u64,
}

/// Whether the programs can be loaded, where an arm is watched. This happens before anything stands.
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
    /// Watches the pods of `lab` in the arms that are to be watched.
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

    /// Attaches the programs if this arm is watched; what they see counts from here on.
    pub fn begin(&mut self, arm: &str) -> anyhow::Result<()> {
        self.attach(arm)?;
        let (Some(probe), Some(pods)) = (&self.probe, self.watched.get(arm)) else { return Ok(()) };
        self.before =
            Watched { moved: moved(probe, &pods.namespaces)?, truth: pods.totals()?, passed: self.passed(pods)? };
        Ok(())
    }

    /// The network namespaces of an arm's pods, if it is watched.
    pub fn namespaces(&self, arm: &str) -> Option<&HashSet<u32>> {
        self.watched.get(arm).map(|pods| &pods.namespaces)
    }

    fn passed(&self, pods: &Pods) -> anyhow::Result<Option<Passed>> {
        self.beyond.as_ref().map(|beyond| beyond.passed(&pods.namespaces, pods.dns)).transpose()
    }

    /// Detaches them; what they saw since the block began.
    pub fn end(&mut self, arm: &str, round: u32) -> anyhow::Result<Option<Sight>> {
        let (Some(probe), Some(pods)) = (&mut self.probe, self.watched.get(arm)) else { return Ok(None) };
        let moved = moved(probe, &pods.namespaces)?.since(self.before.moved);
        let truth = pods.totals()?.since(self.before.truth);
        probe.detach();
        let passed = self.passed(pods)?.zip(self.before.passed).map(|(passed, before)| passed.since(before));
        self.beyond = None;
        Ok(Some(Sight { arm: arm.to_owned(), round, moved, truth, passed }))
    }
}

impl Moved {
    /// The end of a connection may take back a byte that a snapshot told, so a difference may fall below 0 by that much.
    fn since(self, before: Self) -> Self {
        Self {
            sent_bytes: self.sent_bytes.saturating_sub(before.sent_bytes),
            received_bytes: self.received_bytes.saturating_sub(before.received_bytes),
            opened: self.opened.saturating_sub(before.opened),
            closed: self.closed.saturating_sub(before.closed),
            failed: self.failed.saturating_sub(before.failed),
            retransmits: self.retransmits.saturating_sub(before.retransmits),
        }
    }
}

fn moved(probe: &Tcp, namespaces: &HashSet<u32>) -> anyhow::Result<Moved> {
    let series = probe.series().context("cannot read what the kernel witness has counted")?;
    let here = series.iter().filter(|(key, _)| namespaces.contains(&key.netns));
    Ok(here.fold(Moved::default(), |sum, (_, series)| Moved {
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

    /// What their kernels have counted, all together.
    fn totals(&self) -> anyhow::Result<NetworkTotals> {
        let mut totals = NetworkTotals::default();
        for pid in &self.pids {
            totals = totals.plus(NetworkTotals::read(Path::new("/"), *pid)?);
        }
        Ok(totals)
    }
}

impl Watched {
    /// Adds what was seen in a block.
    pub fn add(&mut self, sight: &Sight) {
        let Moved { sent_bytes, received_bytes, opened, closed, failed, retransmits } = sight.moved;
        self.moved.sent_bytes += sent_bytes;
        self.moved.received_bytes += received_bytes;
        self.moved.opened += opened;
        self.moved.closed += closed;
        self.moved.failed += failed;
        self.moved.retransmits += retransmits;
        self.truth = self.truth.plus(sight.truth);
        self.passed = sight.passed.map(|passed| passed.plus(self.passed.unwrap_or_default())).or(self.passed);
    }
}
