//! The phases of a run, once the lab stands: idle windows, warm-up, rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use lab::{Lab, LabError, Node, Probed, Stop};
use load::{BlockLoad, Connection, Order, Sequential};
use measure::{
    ConnectionUse, DeclaredFailures, FailingCalls, FaultTrial, LoadBlock, Observations, Phase, RestartFacts,
};

use crate::experiment::Experiment;
use crate::faults;
use crate::folder::RunFolder;
use crate::kernel::{Kernel, Watched, program_facts};
use crate::plan::{Plan, Round};
use crate::probing::{Probing, Probings, probed};
use crate::progress::{Progress, spoken};
use crate::tally::Tally;
use crate::telemetry::Asked;
use crate::warm_up::failed_warm_up;
use crate::witness::{self, Meters};

/// How often a wait looks whether the user wants to stop.
const GLANCE: Duration = Duration::from_millis(20);

/// How much longer than its requests may take a load generator may take to tell of them: a busy machine is no dead one.
const GRACE: Duration = Duration::from_secs(30);

/// Requests on which the witness's programs are timed in each watched arm, after the rounds and outside all figures.
const TIMED: u64 = 100;

/// A run under way: what outlives a stand-up of the lab.
pub struct Conductor<'a> {
    experiment: &'a Experiment,
    plan: &'a Plan,
    folder: &'a RunFolder,
    stop: &'a Stop,
    /// All that was seen.
    pub seen: Observations,
    /// All that services counted.
    pub tally: Tally,
    /// What the kernel witness saw of each arm that it watched.
    pub watched: BTreeMap<String, Watched>,
    /// Health probes within the blocks.
    pub probings: Probings,
    /// All requests that services received, those before the rounds among them.
    pub asked: Asked,
    /// What became of faults that were made on purpose.
    pub faults: Vec<FaultTrial>,
    means: Means,
    done: usize,
    started: Option<Instant>,
}

/// A lab that stands, and what watches it.
pub struct Stand<'a> {
    /// Its number, from 0.
    pub number: u32,
    pub lab: &'a mut Lab,
    pub meters: Meters,
    pub kernel: Kernel,
    /// Where its files lie.
    pub folder: &'a Path,
}

/// Mean latencies of the blocks so far, in nanoseconds, by arm. Kept beside the blocks because a histogram's mean walks
/// all its buckets.
type Means = BTreeMap<String, Vec<f64>>;

impl<'a> Conductor<'a> {
    /// Nothing has been seen yet.
    pub fn new(experiment: &'a Experiment, plan: &'a Plan, folder: &'a RunFolder, stop: &'a Stop) -> Self {
        let mut seen = Observations { arms: plan.arms.clone(), stands: plan.stands, ..Observations::default() };
        seen.facts.connection = Some(match experiment.load.connection {
            Connection::New => ConnectionUse::New,
            Connection::Keep => ConnectionUse::Keep,
        });
        seen.facts.declared = declared_failures(experiment);
        Self {
            experiment,
            plan,
            folder,
            stop,
            seen,
            tally: Tally::default(),
            watched: BTreeMap::new(),
            probings: Probings::default(),
            asked: Asked::default(),
            faults: Vec::new(),
            means: Means::new(),
            done: 0,
            started: None,
        }
    }

    /// Performs every phase of a stand-up and these rounds. Interrupted, it says so, and what was seen until then stays.
    pub fn perform(
        &mut self,
        stand: &mut Stand,
        rounds: &[(u32, &Round)],
        progress: &mut Progress,
    ) -> anyhow::Result<()> {
        self.seen.facts.clocks.push(stand.meters.clock()?);
        self.seen.facts.interrupts_apart = stand.meters.interrupts_apart()?;
        self.idle(Phase::Idle, stand, progress)?;
        self.warm_up(stand, progress)?;
        self.rest(stand, progress)?;
        let interrupted = self.rounds(stand, rounds, progress).err();
        if interrupted.as_ref().is_some_and(|error| !is_interruption(error)) {
            return interrupted.map_or(Ok(()), Err);
        }
        // A stop that was asked for must not keep us from asking the services what they counted.
        let after = stand.lab.nodes_mut().iter_mut().map(|node| witness::counts(node, &Stop::default()));
        let after = after.collect::<anyhow::Result<Vec<_>>>()?;
        self.plan.arms.iter().zip(&after).for_each(|(arm, counts)| self.asked.add(arm, counts));
        self.gather(stand)?;
        if interrupted.is_none() && stand.number == 0 {
            self.time_programs(stand, progress)?;
            self.break_things(stand, progress)?;
        }
        interrupted.map_or(Ok(()), Err)
    }

    /// What the witness's programs take in each watched arm. Timing them costs, so none is timed in the rounds.
    fn time_programs(&mut self, stand: &mut Stand, progress: &mut Progress) -> anyhow::Result<()> {
        let requests = TIMED.min(self.experiment.load.requests);
        for node in stand.lab.nodes_mut().iter_mut().filter(|node| node.name() != measure::NULL_ARM) {
            if !stand.kernel.attach_timed(node.name())? {
                continue;
            }
            progress.state(&format!("timing the kernel witness in arm {}: {requests} requests", node.name()));
            self.settle(node)?;
            let before = stand.kernel.costs();
            self.ask(node, requests)?;
            witness::settle(node, self.stop)?;
            let after = stand.kernel.costs();
            stand.kernel.detach_timed();
            self.seen.facts.programs.extend(program_facts(node.name(), requests, &before, &after));
        }
        self.folder.write_json("facts.json", &self.seen.facts)
    }

    /// Every planned fault, in one arm after the other; nothing of it is part of the measurement of the rounds.
    fn break_things(&mut self, stand: &mut Stand, progress: &mut Progress) -> anyhow::Result<()> {
        for planned in &self.experiment.faults {
            for node in stand.lab.nodes_mut().iter_mut().filter(|node| node.name() != measure::NULL_ARM) {
                let (from, to) = (&planned.from, &planned.to);
                progress.state(&format!(
                    "{} from {from} to {to}, arm {}",
                    report::fault_name(planned.kind),
                    node.name()
                ));
                let trial = faults::perform(planned, self.experiment, node, &stand.kernel, self.stop)?;
                self.folder.append("faults.jsonl", &trial)?;
                self.faults.push(trial);
            }
        }
        Ok(())
    }

    /// Facts that let the numbers be doubted.
    fn gather(&mut self, stand: &Stand) -> anyhow::Result<()> {
        let facts = &mut self.seen.facts;
        facts.clocks.push(stand.meters.clock()?);
        facts.calls.clear();
        for (number, node) in stand.lab.nodes().iter().enumerate() {
            facts.sidecars.extend(witness::scrape(node, stand.folder)?);
            facts.calls.extend(self.tally.call_latencies(number, node.name()));
        }
        self.folder.write_json("facts.json", facts)
    }

    /// Idle windows, before the first request or after the warm-up: all arms at once, no load anywhere.
    fn idle(&mut self, phase: Phase, stand: &mut Stand, progress: &mut Progress) -> anyhow::Result<()> {
        let (windows, length) = (self.experiment.windows_per_stand(), self.experiment.idle.1);
        for window in 0..windows {
            progress.state(&format!(
                "idle window {}/{windows}: {} left in this phase",
                window + 1,
                spoken(length * (windows - window))
            ));
            // Counts are read right after the meters at either end, so that both are of times equally long.
            let from = stand.meters.snapshots()?;
            let probed_before = self.probed(stand.lab)?;
            self.pause(length)?;
            let to = stand.meters.snapshots()?;
            let probed_after = self.probed(stand.lab)?;
            self.look_after(stand, progress)?;
            for ((arm, from), to) in self.plan.arms.iter().zip(probed_before).zip(probed_after) {
                let number = stand.number * windows + window;
                self.keep(Probing::between(phase, arm, number, from, to).as_ref())?;
            }
            for ((arm, from), to) in self.plan.arms.iter().zip(&from).zip(&to) {
                let number = stand.number * windows + window;
                let reading = stand.meters.reading(phase, arm, number, from, to);
                self.folder.append("meters.jsonl", &reading)?;
                self.seen.meters.push(reading);
            }
        }
        if stand.number == 0 && phase == Phase::Idle {
            progress.note(&format!("idle: {}", self.idle_line()));
        }
        Ok(())
    }

    fn probed(&self, lab: &mut Lab) -> anyhow::Result<Vec<Option<Probed>>> {
        lab.nodes_mut().iter_mut().map(|node| probed(node, self.stop)).collect()
    }

    fn keep(&self, probing: Option<&Probing>) -> anyhow::Result<()> {
        probing.map_or(Ok(()), |probing| self.folder.append("probes.jsonl", probing))
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

    /// What each arm uses at rest that has served, once it has done all that the warm-up asked for; nothing without one.
    fn rest(&mut self, stand: &mut Stand, progress: &mut Progress) -> anyhow::Result<()> {
        if self.plan.warmup_requests == 0 {
            return Ok(());
        }
        stand.lab.nodes_mut().iter_mut().try_for_each(|node| witness::settle(node, self.stop))?;
        self.idle(Phase::IdleWarm, stand, progress)
    }

    /// Requests that are part of no figure: connections open, caches fill.
    /// Where all of them fail in some arm, the run ends before its rounds.
    fn warm_up(&mut self, stand: &mut Stand, progress: &mut Progress) -> anyhow::Result<()> {
        let requests = self.plan.warmup_requests;
        if requests == 0 {
            return Ok(());
        }
        let mut answers = Vec::new();
        for arm in &self.plan.warmup_orders[stand.number as usize] {
            progress.state(&format!("warming up {arm}: {requests} requests"));
            let node = &mut stand.lab.nodes_mut()[self.index(arm)];
            answers.push((node.name().to_owned(), self.ask(node, requests)?.errors));
        }
        // Later stand-ups stand beside rounds that are measured: the guards judge all of them together.
        let is_meant = requests as f64 * (1.0 - self.seen.facts.declared.of_requests) < 1.0;
        match failed_warm_up(&answers, requests) {
            Some(failed) if stand.number == 0 && !is_meant => Err(failed.into()),
            _ => Ok(()),
        }
    }

    fn rounds(&mut self, stand: &mut Stand, rounds: &[(u32, &Round)], progress: &mut Progress) -> anyhow::Result<()> {
        self.started.get_or_insert_with(Instant::now);
        for (number, round) in rounds {
            for arm in &round.order {
                progress.state(&self.round_line(*number, arm));
                let mean_ns = self.block(stand, *number, arm, round.requests)?;
                self.look_after(stand, progress)?;
                self.means.entry(arm.clone()).or_default().extend(mean_ns);
                self.done += 1;
            }
            // Where the stand-up is the unit of statistics, one that was cut short would be another unit than the rest.
            if self.plan.stands.is_none() && self.is_enough(number + 1) {
                break;
            }
        }
        Ok(())
    }

    /// Sees to the programs of every arm, and tells at once of those that ended and start again.
    fn look_after(&mut self, stand: &mut Stand, progress: &mut Progress) -> anyhow::Result<()> {
        for node in stand.lab.nodes_mut() {
            node.tend()?;
            let arm = node.name().to_owned();
            for (pod, lab::Ending { container, status }) in node.take_endings() {
                let end = RestartFacts { arm: arm.clone(), pod, container, status };
                progress.note(&format!("{end} and starts again"));
                self.seen.facts.restarts.push(end);
            }
        }
        Ok(())
    }

    /// Whether the run may end after so many rounds: all are done, or its intervals are narrow enough.
    pub fn is_over(&self, rounds: u32) -> bool {
        rounds as usize >= self.plan.rounds.len() || self.is_enough(rounds)
    }

    /// Whether a run that goes on until its intervals are narrow may end after so many rounds.
    fn is_enough(&self, rounds: u32) -> bool {
        let until = self.experiment.until.as_ref();
        let kept = || {
            let mut seen = self.seen.clone();
            seen.leave_out(self.experiment.drop_foreign);
            seen
        };
        rounds >= self.experiment.rounds && until.is_some_and(|until| measure::is_reached(until, &kept()))
    }

    /// How long the rest will take if it goes on like this.
    fn left(&self) -> Option<Duration> {
        let total = self.plan.rounds.len() * self.plan.arms.len();
        let per_block = |started: Instant| started.elapsed().div_f64(self.done as f64);
        self.started.filter(|_| self.done > 0).map(|started| per_block(started).mul_f64((total - self.done) as f64))
    }

    fn round_line(&self, round: u32, arm: &str) -> String {
        let left = self.left().map_or("some time".to_owned(), spoken);
        let so_far = |arm: &String| {
            let of_blocks = self.means.get(arm).filter(|of_blocks| !of_blocks.is_empty())?;
            Some(format!("{arm} {:.2} ms", of_blocks.iter().sum::<f64>() / of_blocks.len() as f64 / 1e6))
        };
        let means: Vec<String> = self.plan.arms.iter().filter_map(so_far).collect();
        format!("round {}/{}, arm {arm}, {left} left  {}", round + 1, self.plan.rounds.len(), means.join(" · "))
    }

    /// Where an arm of the plan stands among the lab's nodes.
    fn index(&self, arm: &str) -> usize {
        self.plan.arms.iter().position(|known| known == arm).expect("orders name arms of the plan")
    }

    /// One block: meters read exactly at its edges. Returns its mean latency in nanoseconds.
    fn block(&mut self, stand: &mut Stand, round: u32, arm: &str, requests: u64) -> anyhow::Result<Option<f64>> {
        let index = self.index(arm);
        let node = &mut stand.lab.nodes_mut()[index];
        stand.kernel.begin(arm)?;
        let settling = self.settle(node)?;
        let before = witness::counts(node, self.stop)?;
        let probed_before = probed(node, self.stop)?;
        let from = stand.meters.snapshot(index)?;
        let load = self.ask(node, requests)?;
        witness::settle(node, self.stop)?;
        let to = stand.meters.snapshot(index)?;
        // What a block without it would be told is of another application.
        node.tend()?;
        self.tally.add(index, &before, &witness::counts(node, self.stop)?)?;
        let reading = stand.meters.reading(Phase::Load, arm, round, &from, &to);
        let block = LoadBlock {
            arm: arm.to_owned(),
            round,
            wall_s: load.wall_s,
            requests: load.requests,
            errors: load.errors,
            reconnects: settling.reconnects + load.reconnects,
            connections: load.connections,
            latency: load.latency,
            lag: load.lag,
            stopped_s: load.stopped_s,
            sequence: load.sequence,
        };
        let probing = Probing::between(Phase::Load, arm, round, probed_before, probed(node, self.stop)?);
        probing.iter().for_each(|probing| self.probings.add(probing));
        self.keep(probing.as_ref())?;
        if let Some(sight) = stand.kernel.end(arm, round)? {
            self.watched.entry(arm.to_owned()).or_default().add(&sight);
            self.folder.append("probe.jsonl", &sight)?;
        }
        self.folder.append("meters.jsonl", &reading)?;
        self.folder.append("load.jsonl", &block)?;
        self.seen.meters.push(reading);
        let mean_ns = block.latency.mean_ns();
        self.seen.load.push(block);
        Ok(mean_ns)
    }

    /// Requests with which a block begins, outside all figures: kept connections are open afterwards, and what attaching the
    /// kernel witness left behind is gone.
    fn settle(&self, node: &mut Node) -> anyhow::Result<BlockLoad> {
        let load = match self.plan.settling_requests {
            0 => BlockLoad::default(),
            requests => self.ask(node, requests)?,
        };
        witness::settle(node, self.stop)?;
        Ok(load)
    }

    /// Has the arm's client ask.
    fn ask(&self, node: &mut Node, requests: u64) -> anyhow::Result<BlockLoad> {
        let load = Sequential { requests, ..self.experiment.load.clone() };
        let longest = (load.timeout + load.think).max(load.pace) * u32::try_from(requests).unwrap_or(u32::MAX) + GRACE;
        let order = Order::Sequential(load).to_string();
        let answer = node.ask_client(&order, longest, self.stop)?;
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

/// What the topology declares to fail, as guards ask for it.
fn declared_failures(experiment: &Experiment) -> DeclaredFailures {
    let (graph, target) = (&experiment.topology.graph, &experiment.load.target);
    let path = target.path().split('?').next().unwrap_or_default();
    let failing = graph.services.iter().flat_map(|service| {
        let paths = service.versions.iter().flat_map(topology::Version::paths).collect::<BTreeSet<_>>();
        paths.into_iter().map(|path| FailingCalls {
            to: service.name.clone(),
            path: path.to_owned(),
            share: service.error_rate(path),
        })
    });
    DeclaredFailures {
        of_requests: graph.service(target.host()).map_or(0.0, |service| service.error_rate(path)),
        of_calls: failing.filter(|calls| calls.share > 0.0).collect(),
    }
}

/// Whether the user asked to stop.
pub fn is_interruption(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(LabError::Interrupted))
}
