//! The ground on this machine, with the meters and witnesses of a run: implements the traits of `run` with the machine
//! rooms.

pub mod kernel;
mod meters;
mod node;
mod planes;
mod program;
mod sidecar;
mod stand;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use experiment::{Arm, Experiment};
use experiment::{Plan, plan};
use ground::ArmPlan;
use lab::{Blueprint, Claim, Lab, Role, Stop, Trees};
use measure::{Environment, MemorySource};
use run::FailedWarmUp;
use run::{Ground, Parting, Progress, RunFolder, Timing};

use self::program::{program, service};
use self::stand::HostStand;
use crate::cause;
use crate::environment::environment;
use crate::failure::{Failure, Hint};
use crate::limits::Refusals;
use crate::needs::Envoy;
use crate::signals::heed_signals;
use crate::status_line::StatusLine;

/// What all stand-ups of a run on this machine share.
pub struct Host<'a> {
    /// The experiment whose lab stands.
    pub experiment: &'a Experiment,
    /// The run's plan, which says how often the lab is set up.
    pub plan: &'a Plan,
    /// The Envoy that was found on this machine.
    pub envoy: &'a Envoy,
    /// The run folder.
    pub folder: &'a RunFolder,
    /// The control groups of this machine.
    pub trees: &'a Trees,
    /// Set once the user asks to stop.
    pub stop: &'a Stop,
    /// The id of the first stand-up, until it is taken. Later stand-ups lock ids of their own.
    pub claim: Option<Claim>,
    /// Whether processors are kept awake, and the last lab is kept.
    pub keeping: Keeping,
    /// How often limits on processes had refused one before the latest stand-up.
    pub refusals: Refusals,
    /// Lines that tell the user about a lab that was kept.
    pub farewell: Vec<String>,
}

/// What is kept beyond the needs of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// Whether processors are kept awake.
    pub is_awake: bool,
    /// Whether the last lab is kept.
    pub stands_on: bool,
}

impl<'a> Ground for Host<'a> {
    type Stand = HostStand<'a>;
    type Error = Failure;

    fn stand_up(&mut self, number: u32, progress: &mut dyn Progress) -> Result<HostStand<'a>, Failure> {
        let claim = self.claim.take().map_or_else(lab::claim, Ok).context("cannot lock an id for this run")?;
        self.refusals = Refusals::so_far();
        let folder = self.files(number);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        progress.state("standing up pods and sidecars");
        let started = Instant::now();
        let lab = self.lab(&folder, claim)?;
        let stand_up_s = started.elapsed().as_secs_f64();
        planes::write_differences(&folder, &self.experiment.standing())?;
        Ok(HostStand { lab, stand_up_s, folder, experiment: self.experiment, stop: self.stop })
    }

    fn environment(&self, memory: MemorySource) -> Environment {
        environment(self.envoy, self.trees, memory, self.keeping.is_awake)
    }

    fn explain(&self, error: anyhow::Error) -> Failure {
        match self.refusals.hint() {
            Some(limit) => Failure::because(error, limit),
            None if error.is::<FailedWarmUp>() => Failure::because(error, warm_up_hint(self.folder)),
            None => error.into(),
        }
    }

    fn part(&mut self, stand: HostStand<'a>, parting: Parting) -> Result<(), Failure> {
        let HostStand { lab, .. } = stand;
        if parting == Parting::TakeDown || !self.keeping.stands_on {
            return lab.tear_down().hint("run `meshtax clean`");
        }
        self.farewell = farewell(&lab);
        Ok(lab.keep()?)
    }
}

impl Host<'_> {
    /// The folder for the files of a stand-up: the run folder, or a folder within it if there are several stand-ups.
    fn files(&self, number: u32) -> PathBuf {
        match self.plan.stands {
            None => self.folder.path().to_owned(),
            Some(_) => self.folder.path().join(format!("stands/{}", number + 1)),
        }
    }

    /// Makes the lab, with its files in `folder`.
    fn lab(&self, folder: &Path, claim: Claim) -> Result<Lab, Failure> {
        let own = std::env::current_exe().context("cannot find this program's own binary")?;
        let topology =
            fs::canonicalize(self.folder.path().join("topology.yaml")).context("cannot find the topology's text")?;
        let arms = self.experiment.standing();
        let added = |name: &str| arms.iter().find(|arm| arm.name == name).and_then(|arm| arm.added.as_ref());
        let programs = |role: Role<'_>| match role {
            Role::Service { arm, pod } => service(&own, &topology, pod, added(arm)),
            other => program(&own, other),
        };
        let plans: Vec<ArmPlan> = arms.iter().map(Arm::plan).collect();
        let shown = [own.clone(), self.envoy.path.clone(), topology.clone()];
        let blueprint = Blueprint {
            topology: &self.experiment.topology.graph,
            arms: &plans,
            network: self.experiment.network,
            programs: &programs,
            envoy: &self.envoy.path,
            folder,
            working_folder: &self.experiment.topology.folder,
            shown: &shown,
            patience: self.experiment.ready_timeout,
        };
        lab::stand_up(&blueprint, claim, self.trees.clone(), self.stop).map_err(|error| {
            let logs = "each program's output is in the run folder's logs/; `meshtax doctor` checks this machine";
            let error = anyhow::Error::from(error);
            let cause = self.refusals.hint().or_else(|| cause::of_lab(&format!("{error:#}")));
            Failure::because(error, cause.unwrap_or_else(|| logs.to_owned()))
        })
    }
}

/// Says what to do if the application does not answer as it should.
fn warm_up_hint(folder: &RunFolder) -> String {
    format!("check that `target` is right, and see the logs in {}", folder.path().display())
}

/// Says how to look into a lab that was kept, and how to remove it.
fn farewell(lab: &Lab) -> Vec<String> {
    let mut lines = vec!["the lab was kept; enter a pod with:".to_owned()];
    for node in lab.nodes() {
        for pod in node.pods() {
            lines.push(format!(
                "  nsenter --target {} --net --mount --pid --root --wd   # {}/{}",
                pod.pid(),
                node.name(),
                pod.name()
            ));
        }
    }
    lines.push(format!("remove it with: meshtax clean {}", lab.id()));
    lines
}

/// Sets up the experiment's lab in a temporary folder, and removes it.
pub fn trial(experiment: &Experiment, envoy: &Envoy) -> Result<Timing, Failure> {
    let trees = Trees::discover().context("cannot find control groups")?;
    let stop = heed_signals()?;
    let claim = lab::claim().context("cannot lock an id for this run")?;
    let path = std::env::temp_dir().join(format!("meshtax-{}", claim.id()));
    let folder = RunFolder::create(&path).map_err(Failure::of_folder)?;
    folder.write_private("topology.yaml", &experiment.topology.text)?;
    let plan = plan(experiment);
    let mut host = Host {
        experiment,
        plan: &plan,
        envoy,
        folder: &folder,
        trees: &trees,
        stop: &stop,
        claim: Some(claim),
        keeping: Keeping::default(),
        refusals: Refusals::so_far(),
        farewell: Vec::new(),
    };
    let timing = host.stand_up(0, &mut StatusLine::new()).and_then(|stand| {
        let (stand_up_s, started) = (stand.stand_up_s, Instant::now());
        host.part(stand, Parting::TakeDown)?;
        Ok(Timing { stand_up_s, tear_down_s: started.elapsed().as_secs_f64() })
    });
    fs::remove_dir_all(folder.path()).with_context(|| format!("cannot remove {}", folder.path().display()))?;
    timing
}
