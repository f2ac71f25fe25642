//! The kernel witness of a run: attached for the blocks of the arms that are watched, and what it saw in them.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;

use anyhow::Context;
use lab::{Lab, Node};
use probe::Probe;
use serde::Serialize;

use crate::experiment::Experiment;
use crate::failure::Failure;

/// The programs, and whom they watch.
pub struct Kernel<'a> {
    probe: &'a mut Probe,
    /// Network namespaces of each watched arm's pods.
    watched: BTreeMap<String, HashSet<u32>>,
    before: Moved,
}

/// What the witness saw in a block: a line of `probe.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub struct Sight {
    arm: String,
    round: u32,
    #[serde(flatten)]
    moved: Moved,
}

/// TCP within an arm, both ends counted: payload bytes, connections, segments sent again.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Moved {
    sent_bytes: u64,
    received_bytes: u64,
    opened: u64,
    closed: u64,
    retransmits: u64,
}

/// The programs, loaded where an arm is watched. This happens before anything stands.
pub fn load(experiment: &Experiment) -> Result<Option<Probe>, Failure> {
    let is_watched = experiment.arms.iter().any(|arm| arm.watched);
    let load = || {
        Probe::load().map_err(|error| {
            let hint = "the arms with `watch: on` need it; `meshtax run … --arms none,sidecar` leaves them out, and \
                        `meshtax doctor` says what is missing";
            Failure::because(error, hint)
        })
    };
    is_watched.then(load).transpose()
}

impl<'a> Kernel<'a> {
    /// Watches the pods of `lab` in the arms that are to be watched.
    pub fn over(probe: &'a mut Probe, experiment: &Experiment, lab: &Lab) -> anyhow::Result<Self> {
        let is_watched = |node: &&Node| experiment.standing().iter().any(|arm| arm.watched && arm.name == node.name());
        let watched = lab.nodes().iter().filter(is_watched);
        let watched = watched.map(|node| Ok((node.name().to_owned(), namespaces(node)?)));
        Ok(Self { probe, watched: watched.collect::<anyhow::Result<_>>()?, before: Moved::default() })
    }

    /// Attaches the programs if this arm is watched.
    pub fn begin(&mut self, arm: &str) -> anyhow::Result<()> {
        let Some(namespaces) = self.watched.get(arm) else { return Ok(()) };
        self.probe.attach().context("cannot attach the kernel witness")?;
        self.before = moved(self.probe, namespaces)?;
        Ok(())
    }

    /// Detaches them; what they saw.
    pub fn end(&mut self, arm: &str, round: u32) -> anyhow::Result<Option<Sight>> {
        let Some(namespaces) = self.watched.get(arm) else { return Ok(None) };
        let moved = moved(self.probe, namespaces)?.since(self.before);
        self.probe.detach();
        Ok(Some(Sight { arm: arm.to_owned(), round, moved }))
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
            retransmits: self.retransmits.saturating_sub(before.retransmits),
        }
    }
}

fn moved(probe: &Probe, namespaces: &HashSet<u32>) -> anyhow::Result<Moved> {
    let series = probe.series().context("cannot read what the kernel witness has counted")?;
    let here = series.iter().filter(|(key, _)| namespaces.contains(&key.netns));
    Ok(here.fold(Moved::default(), |sum, (_, series)| Moved {
        sent_bytes: sum.sent_bytes + series.sent,
        received_bytes: sum.received_bytes + series.received,
        opened: sum.opened + series.opened,
        closed: sum.closed + series.closed,
        retransmits: sum.retransmits + series.retransmits,
    }))
}

fn namespaces(node: &Node) -> anyhow::Result<HashSet<u32>> {
    let inode = |pid: u32| {
        let file = format!("/proc/{pid}/ns/net");
        let inode = fs::metadata(&file).with_context(|| format!("cannot look at {file}"))?.ino();
        u32::try_from(inode).context("namespaces have small inodes")
    };
    node.pods().iter().map(|pod| inode(pod.pid())).collect()
}
