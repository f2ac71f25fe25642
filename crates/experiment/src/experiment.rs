//! The experiment: topology, arms, load and blocks. It is read from a file, or made from a topology, and checked here
//! once.

mod amounts;
mod arm;
mod bound;
mod fault;
mod file;
mod form;
mod group;
mod health;
mod key;
mod load;
mod name;
mod origin;
mod program;
mod proxy;
mod schema;
mod sidecar;
mod target;
mod unit;
mod until;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ground::Network;
use measure::{NULL_ARM, Stands, Until};
use plane::Plane;
use serde_json::Value;
use serde_saphyr::{Location, Spanned};
use topology::{Mistake, Span, Topology};
use traffic::Load;

pub use self::amounts::Amounts;
pub use self::arm::Arm;
use self::arm::arms_of;
pub use self::bound::{REQUESTS_MAX, ROUNDS_MAX, STANDS_MAX};
use self::bound::{WINDOWS_MAX, at_most, repeated};
pub use self::fault::PlannedFault;
use self::fault::fault_of;
use self::file::{ExperimentFile, Idle};
pub use self::group::Group;
use self::group::groups_of;
pub use self::load::{USERS_MAX, think_of};
use self::load::{load_of, requests_of};
use self::name::name_of;
use self::origin::Origin;
pub use self::origin::ReadText;
pub use self::proxy::Wanted;
pub use self::schema::schema;
use self::target::{entrance, target_of};
use self::until::until_of;
use crate::bundled;
use crate::kind::{Kind, kind_of};
use crate::refusal::{Refusal, quoted};
use crate::yaml::read_yaml;

/// Default number of stand-ups: as many as intervals need to be exact.
const STANDS: u32 = 10;
const IDLE_WINDOWS_MIN: u32 = 8;
const IDLE_WINDOW_MIN: Duration = Duration::from_millis(50);

/// A valid experiment.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Name of the experiment.
    pub name: String,
    /// The text of its file, or the text that it would have.
    pub text: String,
    /// The application.
    pub topology: TopologyFile,
    /// How the pods of each arm are connected.
    pub network: Network,
    /// The arms, the baseline first.
    pub arms: Vec<Arm>,
    /// Groups of arms that stand at the same time; empty if all arms do.
    pub groups: Vec<Group>,
    /// The load; how many requests a block of it has is the plan's matter.
    pub load: Load,
    /// Requests per arm over all rounds.
    pub requests: u64,
    /// Requests per arm before the rounds.
    pub warmup: u64,
    /// Number of rounds.
    pub rounds: u32,
    /// Largest number of stand-ups. Each stand-up has at least one round.
    stands: u32,
    /// How long a program may take to become ready.
    pub ready_timeout: Duration,
    /// Number of idle windows, and the length of each.
    pub idle: (u32, Duration),
    /// Seed of the order of the arms.
    pub seed: u64,
    /// Whether processors are kept from sleeping.
    pub awake: bool,
    /// Whether a copy of the baseline stands beside the arms.
    pub null: bool,
    /// Relative change within which arms count as equivalent.
    pub margin: f64,
    /// Share of the machine's processors above which others' use in a block leaves out its round.
    pub drop_foreign: Option<f64>,
    /// The condition that ends the run, if it goes on beyond `rounds`.
    pub until: Option<Until>,
    /// Number of rounds after which `until` gives up, if the user set it.
    pub max_rounds: Option<u32>,
    /// Faults that are made on purpose after the rounds.
    pub faults: Vec<PlannedFault>,
    /// Programs that stand between services in some of the arms.
    pub programs: Vec<Wanted>,
}

/// A topology and its text.
#[derive(Clone, Debug)]
pub struct TopologyFile {
    /// The text, for the run folder.
    pub text: String,
    /// The graph.
    pub graph: Topology,
    /// The folder from which its programs and volumes are seen, relative as the path of its file is.
    pub folder: PathBuf,
}

impl TopologyFile {
    fn of_text(path: &Path, text: String) -> Result<TopologyFile, Refusal> {
        if kind_of(path, &text)? == Kind::Experiment {
            let hint = format!("run it as it is: `meshtax run {}`", quoted(path));
            return Err(Refusal::new(format!("`{}` is an experiment, not a topology", path.display()), hint));
        }
        let graph = topology::read_topology(&text).map_err(|fault| Refusal::in_file(path, fault))?;
        let beside = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        Ok(TopologyFile { text, graph, folder: beside.to_owned() })
    }
}

impl Experiment {
    /// Parses the experiment file at `path` with this text, and the topology and templates that it names.
    ///
    /// # Errors
    ///
    /// Returns an error that says what is wrong with one of these files, and where.
    pub fn parse(path: &Path, text: String, read: ReadText<'_>) -> Result<Experiment, Refusal> {
        if kind_of(path, &text)? == Kind::Topology {
            let hint = format!("measure it with `meshtax run --topology {}`", quoted(path));
            return Err(Refusal::new(format!("`{}` is a topology, not an experiment", path.display()), hint));
        }
        let file: ExperimentFile = read_yaml(&text).map_err(|fault| Refusal::in_file(path, fault))?;
        let origin = Origin { path, read };
        let topology = topology_of(origin, &file.topology)?;
        Experiment::of_file(origin, text, file, topology)
    }

    /// Makes an experiment for a topology of the user's own: both planes, a copy of the baseline, and defaults for
    /// everything else.
    ///
    /// # Errors
    ///
    /// Returns an error that says what is wrong with the topology and where, or with the target.
    pub fn of_topology(path: &Path, text: String, target: Option<&str>) -> Result<Experiment, Refusal> {
        let topology = TopologyFile::of_text(path, text)?;
        let target = match target {
            Some(url) => url.to_owned(),
            None => entrance(&topology.graph)?,
        };
        target_of(&target, &topology.graph).map_err(|(what, hint)| Refusal::new(what, hint))?;
        // Strings of JSON are also strings of YAML.
        let text = format!(
            "name: {}\ntopology: {}\narms:\n  none: {{plane: none}}\n  sidecar: {{plane: sidecar}}\nnull: true\nload:\n  sequential: \
             {{target: {}, requests: 1500, think: 5ms}}\n",
            topology.graph.name,
            Value::from(path.to_string_lossy()),
            Value::from(target),
        );
        let path = Path::new("experiment.yaml");
        let file = read_yaml(&text).map_err(|fault| Refusal::in_file(path, fault))?;
        let nothing: ReadText<'_> = &|_| Err(ErrorKind::NotFound.into());
        Experiment::of_file(Origin { path, read: nothing }, text, file, topology)
    }

    fn of_file(
        origin: Origin<'_>,
        text: String,
        file: ExperimentFile,
        topology: TopologyFile,
    ) -> Result<Experiment, Refusal> {
        let located = |fault| Refusal::in_file(origin.path, fault);
        let arms = arms_of(&file.arms, &topology.graph, origin).map_err(located)?;
        proxy::rehearse(origin, &file.arms.value, arms.iter().map(|arm| &arm.plane), &topology.graph)?;
        let groups = groups_of(file.groups.as_ref(), &arms, file.null).map_err(located)?;
        let (load, requests) = load_of(&file.load, &topology.graph).map_err(located)?;
        let idle = idle_of(&file.idle).map_err(located)?;
        let rounds = repeated("rounds", &file.rounds, ROUNDS_MAX).map_err(located)?;
        if u64::from(rounds) > requests {
            return Err(located(too_few_requests(requests_of(&file.load), rounds)));
        }
        let stands = file.stands.as_ref().map_or(Ok(STANDS), |stands| stands_of(stands, rounds)).map_err(located)?;
        let until = until_of(&file).map_err(located)?;
        let max_rounds = file.max_rounds.as_ref().map(|most| repeated("max_rounds", most, ROUNDS_MAX));
        let max_rounds = max_rounds.transpose().map_err(located)?;
        let faults = file.faults.iter().map(|fault| fault_of(fault, &topology.graph));
        let faults = faults.collect::<Result<_, _>>().map_err(located)?;
        let experiment = Experiment {
            name: name_of(&file.name).map_err(located)?,
            text,
            topology,
            network: file.network,
            arms,
            groups,
            load,
            requests,
            warmup: at_most("warmup", &file.warmup, REQUESTS_MAX).map_err(located)?,
            rounds,
            stands,
            ready_timeout: ready_timeout_of(&file.ready_timeout).map_err(located)?,
            idle,
            seed: file.seed,
            awake: file.awake,
            null: file.null,
            margin: margin_of(&file.margin).map_err(located)?,
            drop_foreign: file.drop_foreign.as_ref().map(drop_foreign_of).transpose().map_err(located)?,
            until,
            max_rounds,
            faults,
            programs: proxy::programs(origin.path, &file.arms.value),
        };
        let fault = |place: Option<Location>, (what, hint)| {
            located(Mistake::at(place.unwrap_or(Location::UNKNOWN), what, hint))
        };
        if let Some(endless) = experiment.endless() {
            return Err(fault(file.until.map(|until| until.referenced), endless));
        }
        match experiment.misfit() {
            Some(misfit) => Err(fault(file.max_rounds.map(|most| most.referenced), misfit)),
            None => Ok(experiment),
        }
    }

    /// Applies the amounts from the command line.
    pub fn amend(&mut self, amounts: &Amounts) -> Result<(), Refusal> {
        self.rounds = amounts.rounds.unwrap_or(self.rounds);
        self.requests = amounts.requests.unwrap_or(self.requests);
        self.seed = amounts.seed.unwrap_or(self.seed);
        self.margin = amounts.margin.unwrap_or(self.margin);
        self.drop_foreign = amounts.drop_foreign.or(self.drop_foreign);
        self.until = amounts.until.clone().or(self.until.take());
        self.max_rounds = amounts.max_rounds.or(self.max_rounds);
        if amounts.max_rounds.is_some() && self.until.is_none() {
            let what = "`--max-rounds` has no effect without `--until`";
            return Err(Refusal::new(what, "say when to stop, such as `--until 'latency_ms_p50<2%'`"));
        }
        if amounts.rounds.is_none() {
            // With fewer requests than rounds, there are as many rounds as requests.
            self.rounds = self.rounds.min(u32::try_from(self.requests).unwrap_or(u32::MAX));
        }
        self.ready_timeout = amounts.ready_timeout.unwrap_or(self.ready_timeout);
        self.stands = amounts.stands.unwrap_or(self.stands);
        if let Some(what) = amounts.stands.and_then(|stands| too_many_stands(stands, self.rounds)) {
            return Err(Refusal::new(what, "raise `--rounds` or lower `--stands`"));
        }
        if u64::from(self.rounds) > self.requests {
            return Err(Refusal::new(
                format!("{} rounds need as many requests, got {}", self.rounds, self.requests),
                "each round needs a request: raise `--requests` or lower `--rounds`",
            ));
        }
        let fault = self.endless().or_else(|| self.misfit());
        fault.map_or(Ok(()), |(what, hint)| Err(Refusal::new(what, hint)))
    }

    /// Changes the URL that is requested.
    pub fn aim(&mut self, url: &str) -> Result<(), Refusal> {
        let target = target_of(url, &self.topology.graph).map_err(|(what, hint)| Refusal::new(what, hint))?;
        self.load.request.target = target;
        Ok(())
    }

    /// Keeps the arms of these names, in this order.
    pub fn choose(&mut self, names: &[String]) -> Result<(), Refusal> {
        if names.is_empty() {
            return Ok(());
        }
        let known: Vec<&str> = self.arms.iter().map(|arm| &*arm.name).collect();
        let hint = format!("arms here are {}", known.join(", "));
        let mut chosen: Vec<Arm> = Vec::new();
        for name in names {
            let arm = self.arms.iter().find(|arm| arm.name == *name);
            let arm = arm.ok_or_else(|| Refusal::new(format!("no arm is called `{name}`"), &*hint))?;
            if chosen.iter().any(|known| known.name == *name) {
                return Err(Refusal::new(format!("arm `{name}` is named twice"), "name each arm once in `--arms`"));
            }
            chosen.push(arm.clone());
        }
        // A single arm has nothing to compare with the noise floor; `--null` asks for the floor alone.
        self.null &= chosen.len() > 1;
        self.arms = chosen;
        self.groups.clear();
        Ok(())
    }

    /// Compares the baseline only with a copy of itself.
    pub fn only_null(&mut self) {
        self.arms.truncate(1);
        self.groups.clear();
        self.null = true;
    }

    /// Every arm that stands: those that are compared, and the baseline's copy.
    pub fn standing(&self) -> Vec<Arm> {
        let copy =
            self.arms.iter().take(usize::from(self.null)).map(|base| Arm { name: NULL_ARM.to_owned(), ..base.clone() });
        self.arms.iter().cloned().chain(copy).collect()
    }

    /// Number of stand-ups. Above 1, the stand-up is the unit of statistics.
    pub fn stand_ups(&self) -> u32 {
        self.stands.min(self.rounds)
    }

    /// How rounds and idle windows are spread over stand-ups; `None` with one stand-up.
    pub fn spread(&self) -> Option<Stands> {
        let (rounds, stands) = (self.rounds, self.stand_ups());
        let windows = self.windows_per_stand();
        (stands > 1).then(|| Stands { rounds: rounds / stands, longer: rounds % stands, windows })
    }

    /// Idle windows of each stand-up of the lab.
    pub fn windows_per_stand(&self) -> u32 {
        self.idle.0.div_ceil(self.stand_ups())
    }

    /// Words such as `in 15 rounds over 10 stand-ups of the lab`.
    pub fn course(&self) -> String {
        let over = match self.stand_ups() {
            1 => String::new(),
            stands => format!(" over {stands} stand-ups of the lab"),
        };
        format!("in {} rounds{over}", self.rounds)
    }

    /// Whether an arm needs Envoy.
    pub fn needs_envoy(&self) -> bool {
        self.arms.iter().any(|arm| matches!(arm.plane, Plane::Sidecar(_)) || arm.gateway.is_some())
    }
}

/// The text that `meshtax check` prints about an experiment, before it draws its topology.
pub fn outline(experiment: &Experiment) -> String {
    let arms: Vec<&str> = experiment.arms.iter().map(|arm| &*arm.name).collect();
    format!(
        "experiment {}: arms {}\n{} requests per arm to {} {}\n\n",
        experiment.name,
        arms.join(", "),
        experiment.requests,
        experiment.load.request.target,
        experiment.course()
    )
}

fn topology_of(experiment: Origin<'_>, name: &Spanned<String>) -> Result<TopologyFile, Refusal> {
    let bundled = format!("topologies/{}.yaml", name.value);
    let (path, text) = match bundled::file(&bundled) {
        Some(text) => (PathBuf::from(bundled), text.to_owned()),
        None => {
            let path = experiment.beside(&name.value);
            let read = bundled::file(&name.value).map(str::to_owned).map_or_else(|| (experiment.read)(&path), Ok);
            let text = read.map_err(|error| {
                let hint =
                    "name a bundled topology (`meshtax show` lists them), or a file relative to the experiment's folder";
                Refusal::in_file(
                    experiment.path,
                    Mistake::at(
                        name.referenced,
                        format!("cannot read the topology `{}`: {error}", path.display()),
                        hint,
                    ),
                )
            })?;
            (path, text)
        }
    };
    TopologyFile::of_text(&path, text)
}

fn idle_of(idle: &Idle) -> Result<(u32, Duration), Mistake> {
    if idle.windows.value < IDLE_WINDOWS_MIN {
        let what = format!("{} idle windows are too few to see their spread", idle.windows.value);
        return Err(Mistake::at(
            idle.windows.referenced,
            what,
            format!("use {IDLE_WINDOWS_MIN} or more; make them shorter to save time"),
        ));
    }
    if idle.window.value.0 < IDLE_WINDOW_MIN {
        let what = "an idle window this short is below the resolution of the kernel's CPU accounting";
        return Err(Mistake::at(idle.window.referenced, what, "use 50ms or more"));
    }
    Ok((at_most("windows", &idle.windows, WINDOWS_MAX)?, idle.window.value.0))
}

fn ready_timeout_of(timeout: &Spanned<Span>) -> Result<Duration, Mistake> {
    let Span(time) = timeout.value;
    let hint = "write a time such as `60s`";
    if time.is_zero() {
        Err(Mistake::at(timeout.referenced, "`ready_timeout` must be greater than 0", hint))
    } else {
        Ok(time)
    }
}

fn margin_of(margin: &Spanned<topology::Share>) -> Result<f64, Mistake> {
    margin_share(margin.value).map_err(|what| Mistake::at(margin.referenced, what, "write a share such as `2%`"))
}

/// Checks the margin within which arms count as equivalent: it must be greater than 0.
pub fn margin_share(share: topology::Share) -> Result<f64, String> {
    let what = "`margin` must be greater than 0";
    if share.0 > 0.0 { Ok(share.0) } else { Err(what.to_owned()) }
}

fn drop_foreign_of(share: &Spanned<topology::Share>) -> Result<f64, Mistake> {
    foreign_share(share.value).map_err(|what| Mistake::at(share.referenced, what, "write a share such as `20%`"))
}

/// Checks the share of the processors that others may use: above 0, because otherwise no round would stay.
pub fn foreign_share(share: topology::Share) -> Result<f64, String> {
    let topology::Share(share) = share;
    let what = "`drop_foreign` must be above 0 % and below 100 %: other programs always use a little";
    if share > 0.0 && share < 1.0 { Ok(share) } else { Err(what.to_owned()) }
}

fn stands_of(stands: &Spanned<u32>, rounds: u32) -> Result<u32, Mistake> {
    let stands_up = repeated("stands", stands, STANDS_MAX)?;
    let fault = |what| Mistake::at(stands.referenced, what, "raise `rounds` or lower `stands`");
    too_many_stands(stands_up, rounds).map_or(Ok(stands_up), |what| Err(fault(what)))
}

fn too_many_stands(stands: u32, rounds: u32) -> Option<String> {
    (stands > rounds).then(|| format!("{rounds} rounds cannot be spread over {stands} stand-ups of the lab"))
}

fn too_few_requests(requests: &Spanned<u64>, rounds: u32) -> Mistake {
    let what = format!("{} requests are too few for {rounds} rounds", requests.value);
    Mistake::at(requests.referenced, what, "each round needs a request: raise `requests` or lower `rounds`")
}

#[cfg(test)]
mod tests;
