use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{LoadBlock, Observations, Phase, Reading};

/// Standing still for so many seconds within a block is charged to its requests: sidecars at rest use processors, too.
const STOPPED_S_MIN: f64 = 0.5;

/// What a block takes from one reading of the meters to the next beyond its load, and beyond what blocks of the arm usually
/// take so, in seconds: from here on it was the reader of the meters that stood still.
const WAITED_S_MIN: f64 = 1.0;

/// A block because of which its whole round is in no figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Round, from 0.
    pub round: u32,
    /// Arm whose block it was.
    pub arm: String,
    /// Why.
    pub reason: Reason,
}

/// Why a round is in no figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Load generator, meters or machine stood still within the block, for so many seconds.
    StoppedS(f64),
    /// Others had this share of the machine's processors, from 0 to 1, and the run was told to do without such rounds.
    ForeignShare(f64),
}

impl Observations {
    /// Leaves out every round in which something stood still within a block, and, where `drop_foreign` is a share of the
    /// machine's processors, every one in which others had more than it in a block. `left_out` has the blocks.
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

    /// What the blocks of each arm usually take beyond their load, in seconds: the median, the lower one of two.
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

/// What others used of the machine's processors while a reading was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Foreign {
    /// Share of what there was to use, from 0 to 1.
    pub(crate) share: f64,
    /// The same as a number of cores.
    pub(crate) cores: f64,
}

impl Reading {
    /// Whatever the machine did beyond the arm's own containers: other programs, this one, and the arms at rest; none where
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
