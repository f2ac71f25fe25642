//! The ground on this machine, and what measures and watches it: machine rooms as a run knows them.

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

/// What every stand-up of a run on this machine has in common.
pub struct Host<'a> {
    /// What stands.
    pub experiment: &'a Experiment,
    /// Whether it stands once.
    pub plan: &'a Plan,
    /// Envoy, as it was found here.
    pub envoy: &'a Envoy,
    /// Where files go.
    pub folder: &'a RunFolder,
    /// The control groups of this machine.
    pub trees: &'a Trees,
    /// Whether the user has asked to stop.
    pub stop: &'a Stop,
    /// The id of the first stand-up; later ones lock ids of their own.
    pub claim: Option<Claim>,
    /// How processors and the last lab are kept.
    pub keeping: Keeping,
    /// Limits on processes as they were before the latest stand-up.
    pub refusals: Refusals,
    /// What to tell the user about a lab that stands on.
    pub farewell: Vec<String>,
}

/// What is kept beyond what a run needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// Processors are kept awake.
    pub is_awake: bool,
    /// The last lab is to stand on.
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
    /// Where the files of a stand-up lie: in the run folder, or in a folder of it for each where there are several.
    fn files(&self, number: u32) -> PathBuf {
        match self.plan.stands {
            None => self.folder.path().to_owned(),
            Some(_) => self.folder.path().join(format!("stands/{}", number + 1)),
        }
    }

    /// Makes the lab, whose files go to `folder`.
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
            let logs = "the run folder's logs/ has what each program said; `meshtax doctor` checks this machine";
            let error = anyhow::Error::from(error);
            let cause = self.refusals.hint().or_else(|| cause::of_lab(&format!("{error:#}")));
            Failure::because(error, cause.unwrap_or_else(|| logs.to_owned()))
        })
    }
}

/// What to do where nothing answers as it should.
fn warm_up_hint(folder: &RunFolder) -> String {
    format!("see whether `target` names what answers, and the logs in {}", folder.path().display())
}

/// How to look into a lab that stands on, and how to remove it.
fn farewell(lab: &Lab) -> Vec<String> {
    let mut lines = vec!["the lab stands on; enter a pod with:".to_owned()];
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

/// Stands up the experiment's lab in a folder that does not stay, and removes it.
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
