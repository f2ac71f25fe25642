//! The phases of a run, once the lab stands: idle windows, warm-up, rounds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use lab::{Lab, LabError, Node, Stop};
use load::{BlockLoad, Connection, Order, Sequential};
use measure::{ConnectionUse, LoadBlock, Observations, Phase};
use service::Counts;

use crate::experiment::Experiment;
use crate::folder::RunFolder;
use crate::kernel::Kernel;
use crate::plan::Plan;
use crate::progress::{Progress, spoken};
use crate::witness::{self, Meters};

/// How often a wait looks whether the user wants to stop.
const GLANCE: Duration = Duration::from_millis(20);

/// A run under way.
pub struct Conductor<'a> {
    pub experiment: &'a Experiment,
    pub plan: &'a Plan,
    pub folder: &'a RunFolder,
    pub stop: &'a Stop,
    pub meters: Meters,
    /// Where an arm is watched.
    pub kernel: Option<Kernel>,
    pub seen: Observations,
}

/// Mean latencies of the blocks so far, in nanoseconds, by arm. Kept beside the blocks because a histogram's mean walks
/// all its buckets.
type Means = BTreeMap<String, Vec<f64>>;

/// What the services of each arm counted before and after the rounds.
#[derive(Default)]
pub struct Tally {
    pub before: Vec<Vec<Counts>>,
    pub after: Vec<Vec<Counts>>,
}

impl Conductor<'_> {
    /// Performs every phase. Interrupted, it says so, and what was seen until then stays.
    pub fn perform(&mut self, lab: &mut Lab, progress: &mut Progress) -> anyhow::Result<Tally> {
        self.seen.facts.connection = Some(match self.experiment.load.connection {
            Connection::New => ConnectionUse::New,
            Connection::Keep => ConnectionUse::Keep,
        });
        self.seen.facts.clocks.push(self.meters.clock()?);
        self.idle(progress)?;
        self.warm_up(lab, progress)?;
        let before = self.count(lab)?;
        let interrupted = self.rounds(lab, progress).err();
        if let Some(error) = interrupted.filter(|error| !is_interruption(error)) {
            return Err(error);
        }
        // A stop that was asked for must not keep us from asking the services what they counted.
        let after = lab.nodes_mut().iter_mut().map(|node| witness::counts(node, &Stop::default()));
        let after = after.collect::<anyhow::Result<_>>()?;
        let tally = Tally { before, after };
        self.gather(lab, &tally)?;
        Ok(tally)
    }

    /// Facts that let the numbers be doubted.
    fn gather(&mut self, lab: &Lab, tally: &Tally) -> anyhow::Result<()> {
        let facts = &mut self.seen.facts;
        facts.clocks.push(self.meters.clock()?);
        for (node, (before, after)) in lab.nodes().iter().zip(tally.before.iter().zip(&tally.after)) {
            facts.sidecars.extend(witness::scrape(node, self.folder)?);
            facts.calls.extend(witness::call_latencies(node.name(), before, after)?);
        }
        self.folder.write_json("facts.json", facts)
    }

    /// Idle windows: all arms at once, no load anywhere.
    fn idle(&mut self, progress: &mut Progress) -> anyhow::Result<()> {
        let (windows, length) = self.experiment.idle;
        for window in 0..windows {
            progress.state(&format!(
                "idle window {}/{windows}: {} left in this phase",
                window + 1,
                spoken(length * (windows - window))
            ));
            let from = self.meters.snapshots()?;
            self.pause(length)?;
            let to = self.meters.snapshots()?;
            for ((arm, from), to) in self.plan.arms.iter().zip(&from).zip(&to) {
                let reading = self.meters.reading(Phase::Idle, arm, window, from, to);
                self.folder.append("meters.jsonl", &reading)?;
                self.seen.meters.push(reading);
            }
        }
        progress.note(&format!("idle: {}", self.idle_line()));
        Ok(())
    }

    /// What each arm used at rest.
    fn idle_line(&self) -> String {
        let arms = measure::measure(&self.seen, &measure::Options::default()).arms;
        let figure =
            |arm: &measure::Arm, name: &str| arm.metrics.get(name).and_then(|value| value.value).unwrap_or_default();
        let line = |arm: &measure::Arm| {
            format!(
                "{} {:.3} cores, {:.0} MiB",
                arm.name,
                figure(arm, "cpu_idle_cores"),
                figure(arm, "memory_idle_mib")
            )
        };
        arms.iter().map(line).collect::<Vec<_>>().join(" · ")
    }

    /// Requests that are part of no figure: connections open, caches fill.
    fn warm_up(&mut self, lab: &mut Lab, progress: &mut Progress) -> anyhow::Result<()> {
        if self.plan.warmup_requests == 0 {
            return Ok(());
        }
        for node in lab.nodes_mut() {
            progress.state(&format!("warming up {}: {} requests", node.name(), self.plan.warmup_requests));
            self.ask(node, self.plan.warmup_requests)?;
        }
        Ok(())
    }

    fn count(&self, lab: &mut Lab) -> anyhow::Result<Vec<Vec<Counts>>> {
        let settled = |node: &mut Node| {
            witness::settle(node, self.stop)?;
            witness::counts(node, self.stop)
        };
        lab.nodes_mut().iter_mut().map(settled).collect()
    }

    fn rounds(&mut self, lab: &mut Lab, progress: &mut Progress) -> anyhow::Result<()> {
        let started = Instant::now();
        let total = self.plan.rounds.len() * self.plan.arms.len();
        let mut done = 0;
        let mut means = Means::new();
        for (number, round) in (0..).zip(&self.plan.rounds) {
            for arm in &round.order {
                let left = (done > 0).then(|| started.elapsed().mul_f64((total - done) as f64 / done as f64));
                progress.state(&self.round_line(number, arm, left, &means));
                let mean_ns = self.block(lab, number, arm, round.requests)?;
                means.entry(arm.clone()).or_default().extend(mean_ns);
                done += 1;
            }
            if self.is_enough(number + 1) {
                break;
            }
        }
        Ok(())
    }

    /// Whether a run that goes on until its intervals are narrow may end after so many rounds.
    fn is_enough(&self, rounds: u32) -> bool {
        let until = self.experiment.until.as_ref();
        rounds >= self.experiment.rounds && until.is_some_and(|(until, _)| measure::is_reached(until, &self.seen))
    }

    fn round_line(&self, round: u32, arm: &str, left: Option<Duration>, means: &Means) -> String {
        let left = left.map_or("some time".to_owned(), spoken);
        let so_far = |arm: &String| {
            let of_blocks = means.get(arm).filter(|of_blocks| !of_blocks.is_empty())?;
            Some(format!("{arm} {:.2} ms", of_blocks.iter().sum::<f64>() / of_blocks.len() as f64 / 1e6))
        };
        let means: Vec<String> = self.plan.arms.iter().filter_map(so_far).collect();
        format!("round {}/{}, arm {arm}, {left} left  {}", round + 1, self.plan.rounds.len(), means.join(" · "))
    }

    /// One block: meters read exactly at its edges. Returns its mean latency in nanoseconds.
    fn block(&mut self, lab: &mut Lab, round: u32, arm: &str, requests: u64) -> anyhow::Result<Option<f64>> {
        let index = self.plan.arms.iter().position(|known| known == arm).expect("rounds name arms of the plan");
        let node = &mut lab.nodes_mut()[index];
        if let Some(kernel) = &mut self.kernel {
            kernel.begin(arm)?;
        }
        let from = self.meters.snapshot(index)?;
        let load = self.ask(node, requests)?;
        witness::settle(node, self.stop)?;
        let to = self.meters.snapshot(index)?;
        let reading = self.meters.reading(Phase::Load, arm, round, &from, &to);
        let block = LoadBlock {
            arm: arm.to_owned(),
            round,
            wall_s: load.wall_s,
            requests: load.requests,
            errors: load.errors,
            reconnects: load.reconnects,
            connections: load.connections,
            latency: load.latency,
            lag: load.lag,
            sequence: load.sequence,
        };
        if let Some(kernel) = &mut self.kernel
            && let Some(sight) = kernel.end(arm, round)?
        {
            self.folder.append("probe.jsonl", &sight)?;
        }
        self.folder.append("meters.jsonl", &reading)?;
        self.folder.append("load.jsonl", &block)?;
        self.seen.meters.push(reading);
        let mean_ns = block.latency.mean_ns();
        self.seen.load.push(block);
        Ok(mean_ns)
    }

    /// Has the arm's client ask.
    fn ask(&self, node: &mut Node, requests: u64) -> anyhow::Result<BlockLoad> {
        let load = Sequential { requests, ..self.experiment.load.clone() };
        let longest =
            (load.timeout + load.think).max(load.pace) * u32::try_from(requests).unwrap_or(u32::MAX) + load.timeout;
        let order = Order::Sequential(load).to_string();
        let answer = node.client().ask(&order, longest, self.stop)?;
        serde_json::from_str(&answer).context("the load generator's answer is damaged")
    }

    fn pause(&self, length: Duration) -> Result<(), LabError> {
        let until = Instant::now() + length;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            self.stop.check()?;
            std::thread::sleep(left.min(GLANCE));
        }
        Ok(())
    }
}

/// Whether the user asked to stop.
pub fn is_interruption(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(LabError::Interrupted))
}
