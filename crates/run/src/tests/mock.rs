use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use experiment::PlannedFault;
use measure::{
    ClockFacts, Environment, Histogram, MachineUse, MemorySource, Reading, RestartFacts, Samples, SidecarFacts, Sign,
};
use traffic::Load;

use crate::{
    Counted, Ground, HealthChecks, Interrupted, KernelSigns, KernelWitness, Meters, Node, Parting, ProgramTime,
    Progress, Stand, TcpCounts, Watched, Window,
};

/// What happens to a run, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A call of this name fails, at the time of this number, from 1.
    Failure(&'static str, usize),
    /// The user asks to stop during such a call.
    Stop(&'static str, usize),
    /// No request of this arm succeeds.
    Refusal(&'static str),
}

/// What every part of a ground that is not there writes into: all that it was asked for, in order.
#[derive(Clone, Default)]
pub struct Script {
    /// Calls, such as `ask none`.
    pub calls: Rc<RefCell<Vec<String>>>,
    /// Whether the user has asked to stop.
    pub is_stopped: Rc<Cell<bool>>,
    /// What goes wrong.
    pub trouble: Option<Trouble>,
}

/// A ground that is not there.
pub struct MockGround(pub Script);

/// A stand, a node or a meter of it.
#[derive(Clone)]
pub struct Mock {
    script: Script,
    arm: String,
}

/// Nobody waits for a mocked run.
pub struct Silence;

impl Progress for Silence {
    fn note(&self, _: &str) {}
    fn state(&mut self, _: &str) {}
}

impl Script {
    /// Writes a call down, and has it come to what is planned.
    fn call(&self, name: &str) -> anyhow::Result<()> {
        self.calls.borrow_mut().push(name.to_owned());
        let number = self.calls.borrow().iter().filter(|call| *call == name).count();
        match self.trouble {
            Some(Trouble::Failure(call, at)) if call == name && at == number => anyhow::bail!("{name} failed"),
            Some(Trouble::Stop(call, at)) if call == name && at == number => {
                self.is_stopped.set(true);
                Err(Interrupted.into())
            }
            _ => Ok(()),
        }
    }

    fn mock(&self, arm: &str) -> Mock {
        Mock { script: self.clone(), arm: arm.to_owned() }
    }
}

impl Mock {
    fn call(&self, what: &str) -> anyhow::Result<()> {
        self.script.call(&format!("{what} {}", self.arm))
    }
}

impl Ground for MockGround {
    type Stand = Mock;
    type Error = anyhow::Error;

    fn stand_up(&mut self, number: u32, _: &mut dyn Progress) -> anyhow::Result<Mock> {
        self.0.call(&format!("stand up {number}"))?;
        Ok(self.0.mock(""))
    }

    fn environment(&self, memory_source: MemorySource) -> Environment {
        Environment {
            meshtax: String::new(),
            envoy: None,
            kernel: String::new(),
            system: String::new(),
            processor: String::new(),
            cores: 2,
            memory_mib: 4096,
            cgroups: String::new(),
            memory_source,
            awake: false,
            interrupts_apart: None,
            started: String::new(),
        }
    }

    fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        error
    }

    fn part(&mut self, _: Mock, parting: Parting) -> anyhow::Result<()> {
        self.0.call(match parting {
            Parting::TakeDown => "take down",
            Parting::MayStandOn => "may stand on",
        })
    }
}

impl Stand for Mock {
    type Meters = Mock;
    type Witness = Mock;

    fn id(&self) -> &str {
        "mock"
    }

    fn stand_up_s(&self) -> f64 {
        0.0
    }

    fn node(&mut self, arm: &str) -> impl Node {
        self.script.mock(arm)
    }

    fn meters(&self, _: Instant) -> anyhow::Result<Mock> {
        self.script.call("open meters").map(|()| self.clone())
    }

    fn witness(&self) -> anyhow::Result<Mock> {
        self.script.call("load witness").map(|()| self.clone())
    }
}

impl Node for Mock {
    /// Latencies differ a little from block to block, so that intervals have a width.
    fn ask(&mut self, load: &Load) -> anyhow::Result<Samples> {
        self.call("ask")?;
        let requests = load.requests.unwrap_or(0);
        let mut samples = Samples { requests, ..Samples::default() };
        if matches!(self.script.trouble, Some(Trouble::Refusal(arm)) if arm == self.arm) {
            samples.errors = BTreeMap::from([("connect".to_owned(), requests)]);
            return Ok(samples);
        }
        let latency_ns = 1_000_000 + 1_000 * (self.script.calls.borrow().len() as u64 % 7);
        samples.latency = Histogram::new();
        (0..requests).for_each(|_| samples.latency.record(latency_ns));
        Ok(samples)
    }

    fn begin_load(&mut self, _: &Load) -> anyhow::Result<()> {
        self.call("begin load")
    }

    fn end_load(&mut self, _: &Load) -> anyhow::Result<Samples> {
        self.call("end load").map(|()| Samples::default())
    }

    fn settle(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    fn counts(&mut self) -> anyhow::Result<Vec<Counted>> {
        let asked = self.script.calls.borrow().iter().filter(|call| **call == format!("ask {}", self.arm)).count();
        Ok(vec![Counted { pod: "front-v1".to_owned(), requests: asked as u64, ..Counted::default() }])
    }

    fn last_counts(&mut self) -> anyhow::Result<Vec<Counted>> {
        self.counts()
    }

    fn health_checks(&mut self) -> anyhow::Result<Option<HealthChecks>> {
        Ok(None)
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    fn take_endings(&mut self) -> Vec<RestartFacts> {
        Vec::new()
    }

    fn scrape(&mut self) -> anyhow::Result<Vec<SidecarFacts>> {
        self.call("scrape").map(|()| Vec::new())
    }

    fn response_flags(&mut self) -> anyhow::Result<BTreeMap<String, u64>> {
        Ok(BTreeMap::new())
    }

    fn inject(&mut self, _: &PlannedFault) -> anyhow::Result<()> {
        self.call("inject")
    }

    fn mend(&mut self, _: &PlannedFault) -> anyhow::Result<Option<u64>> {
        self.call("mend").map(|()| Some(23))
    }
}

impl Meters for Mock {
    type Snapshot = ();

    fn memory_source(&self) -> MemorySource {
        MemorySource::WorkingSet
    }

    fn clock(&self) -> anyhow::Result<ClockFacts> {
        Ok(ClockFacts::default())
    }

    fn interrupts_apart(&self) -> anyhow::Result<Option<bool>> {
        Ok(None)
    }

    fn snapshot(&self, arm: &str) -> anyhow::Result<()> {
        self.script.call(&format!("snapshot {arm}"))
    }

    fn reading(&self, window: Window<'_>, (): &(), (): &()) -> Reading {
        let Window { phase, arm, round } = window;
        Reading {
            phase,
            arm: arm.to_owned(),
            round,
            started_s: 0.0,
            wall_s: 1.0,
            suspended_s: 0.0,
            containers: Vec::new(),
            links: Vec::new(),
            machine: MachineUse::default(),
        }
    }
}

/// The arm `ebpf` is watched.
impl KernelWitness for Mock {
    type Signs = Mock;

    fn begin(&mut self, arm: &str) -> anyhow::Result<()> {
        if arm == "ebpf" { self.script.call("attach") } else { Ok(()) }
    }

    fn end(&mut self, arm: &str) -> anyhow::Result<Option<Watched>> {
        if arm != "ebpf" {
            return Ok(None);
        }
        self.script.call("detach")?;
        let tcp = TcpCounts { opened: 1, ..TcpCounts::default() };
        Ok(Some(Watched { tcp, ..Watched::default() }))
    }

    fn begin_timed(&mut self, arm: &str) -> anyhow::Result<bool> {
        if arm == "ebpf" { self.script.call("attach timed").map(|()| true) } else { Ok(false) }
    }

    fn times(&self) -> Vec<ProgramTime> {
        let runs = self.script.calls.borrow().len() as u64;
        vec![ProgramTime { program: "inet_sock_set_state".to_owned(), time: Duration::from_nanos(runs), runs }]
    }

    fn end_timed(&mut self) {
        self.script.calls.borrow_mut().push("detach timed".to_owned());
    }

    fn signs(&self, arm: &str) -> anyhow::Result<Option<Mock>> {
        Ok((arm == "ebpf").then(|| self.script.mock(arm)))
    }
}

/// Segments are sent again from the moment at which a fault is made.
impl KernelSigns for Mock {
    fn look(&mut self) -> anyhow::Result<BTreeMap<Sign, u64>> {
        let is_broken = self.script.calls.borrow().contains(&format!("inject {}", self.arm));
        Ok(BTreeMap::from([(Sign::Retransmits, u64::from(is_broken))]))
    }
}
