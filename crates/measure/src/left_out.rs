use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LoadBlock, Observations, Phase, Reading};

/// The shortest standstill within a block that leaves out its round, in seconds. Others' use during it would be charged
/// to requests, because idle sidecars also use CPU time.
const STOPPED_S_MIN: f64 = 0.5;

/// The time between two readings of the meters beyond a block's load, and beyond what the arm's blocks usually take, in
/// seconds, from which the reader of the meters stood still.
const WAITED_S_MIN: f64 = 1.0;

/// A block because of which its whole round is left out of all figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Round, from 0.
    pub round: u32,
    /// Arm of the block.
    pub arm: String,
    /// Why the round is left out.
    pub reason: Reason,
}

/// Why a round is left out of all figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The load generator, meters or machine stood still within the block, for this many seconds.
    StoppedS(f64),
    /// Other programs used this share of the machine's processors, from 0 to 1, and the run was told to leave out such
    /// rounds.
    ForeignShare(f64),
}

impl Observations {
    /// Leaves out every round in which something stood still within a block. If `drop_foreign` is a share of the
    /// processors, it also leaves out rounds in which others used more in a block. The blocks are listed in `left_out`.
    pub fn leave_out(&mut self, drop_foreign: Option<f64>) {
        let found = self.unfit(drop_foreign);
        self.without(found);
    }

    /// Leaves out the rounds of these blocks.
    pub fn without(&mut self, blocks: Vec<LeftOut>) {
        self.left_out.extend(blocks);
        let rounds: BTreeSet<u32> = self.left_out.iter().map(|left_out| left_out.round).collect();
        self.load.retain(|block| !rounds.contains(&block.round));
        self.meters.retain(|reading| reading.phase == Phase::Idle || !rounds.contains(&reading.round));
    }

    fn unfit(&self, drop_foreign: Option<f64>) -> Vec<LeftOut> {
        let usual_s = self.usual_waits_s();
        let of_block = |block: &LoadBlock, reading: &Reading| {
            let usual_s = usual_s.get(&*block.arm).copied().unwrap_or(0.0);
            let stopped_s = stopped_s(block, reading, usual_s).map(Reason::StoppedS);
            let foreign = |most| Some(reading.foreign()?.share).filter(|share| *share > most);
            let reason = stopped_s.or_else(|| drop_foreign.and_then(foreign).map(Reason::ForeignShare))?;
            Some(LeftOut { round: block.round, arm: block.arm.clone(), reason })
        };
        self.blocks().filter_map(|(block, reading)| of_block(block, reading)).collect()
    }

    /// The time that blocks of each arm usually take beyond their load, in seconds: the median, the lower of two middle
    /// values.
    fn usual_waits_s(&self) -> BTreeMap<&str, f64> {
        let mut waits: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (block, reading) in self.blocks() {
            waits.entry(&block.arm).or_default().push(reading.wall_s - block.samples.wall_s);
        }
        let usual = |mut waits: Vec<f64>| {
            let middle = (waits.len() - 1) / 2;
            *waits.select_nth_unstable_by(middle, f64::total_cmp).1
        };
        waits.into_iter().map(|(arm, waits)| (arm, usual(waits))).collect()
    }

    /// Blocks with their readings.
    fn blocks(&self) -> impl Iterator<Item = (&LoadBlock, &Reading)> {
        let loaded = self.meters.iter().filter(|reading| reading.phase == Phase::Load);
        let readings: BTreeMap<(&str, u32), &Reading> =
            loaded.map(|reading| ((&*reading.arm, reading.round), reading)).collect();
        self.load.iter().filter_map(move |block| Some((block, *readings.get(&(&*block.arm, block.round))?)))
    }
}

/// How long something stood still within a block, in seconds: the load generator by its own account, the machine by its
/// clocks, or the reader of the meters, which then came late to the end of the load.
fn stopped_s(block: &LoadBlock, reading: &Reading, usual_s: f64) -> Option<f64> {
    let waited_s = reading.wall_s - block.samples.wall_s - usual_s;
    let waited_s = if waited_s >= WAITED_S_MIN { waited_s } else { 0.0 };
    Some(block.samples.stopped_s.max(reading.suspended_s).max(waited_s)).filter(|stopped_s| *stopped_s >= STOPPED_S_MIN)
}

/// Processor time that others used between the two instants of a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Foreign {
    /// Share of the machine's capacity, from 0 to 1.
    pub(crate) share: f64,
    /// The same in cores.
    pub(crate) cores: f64,
}

impl Reading {
    /// What the machine did beyond the arm's own containers: other programs, this one, and the arms at rest. `None` if
    /// the machine was not read.
    pub(crate) fn foreign(&self) -> Option<Foreign> {
        let own_s: f64 = self.containers.iter().map(|used| used.cpu_s).sum();
        let foreign_s = (self.machine.busy_s - own_s).max(0.0);
        let (share, cores) = (foreign_s / self.machine.capacity_s, foreign_s / self.wall_s);
        (self.machine.capacity_s > 0.0 && self.wall_s > 0.0).then_some(Foreign { share, cores })
    }
}

#[cfg(test)]
mod tests;
