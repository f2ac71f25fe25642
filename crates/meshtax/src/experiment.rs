//! The experiment: topology × arms × load × blocks. Read from a file, or made from a topology; checked here, once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::ArmPlan;
use load::{Connection, Sequential, Target};
use plane::{Plane, Sidecar};
use serde::Deserialize;
use serde_saphyr::Spanned;
use topology::{Fault, Named, Protocol, Span, Topology, Work};

use crate::bundled;
use crate::cli::Amounts;
use crate::failure::Failure;

/// What is to be run, valid.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Name.
    pub name: String,
    /// Its file as written, or as it would be written.
    pub text: String,
    /// The application.
    pub topology: TopologyFile,
    /// What is compared, the baseline first.
    pub arms: Vec<ArmPlan>,
    /// The load; `requests` is per arm over all rounds.
    pub load: Sequential,
    /// Requests per arm before the rounds.
    pub warmup: u64,
    /// Rounds.
    pub rounds: u32,
    /// Idle windows, and the length of each.
    pub idle: (u32, Duration),
    /// Seed of the order of the arms.
    pub seed: u64,
}

/// A topology and its text.
#[derive(Clone, Debug)]
pub struct TopologyFile {
    /// The text, for the run folder.
    pub text: String,
    /// The graph.
    pub graph: Topology,
}

/// An experiment file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    topology: Spanned<String>,
    arms: Spanned<Named<Arm>>,
    load: Load,
    #[serde(default = "default_warmup")]
    warmup: u64,
    #[serde(default = "default_rounds")]
    rounds: Spanned<u32>,
    #[serde(default)]
    idle: Idle,
    #[serde(default = "default_seed")]
    seed: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arm {
    plane: PlaneName,
    telemetry: Option<Spanned<Switch>>,
    concurrency: Option<Spanned<u32>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PlaneName {
    None,
    Sidecar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Switch {
    #[serde(alias = "true")]
    On,
    #[serde(alias = "false")]
    Off,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Load {
    Sequential(SequentialFile),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SequentialFile {
    target: Spanned<String>,
    requests: Spanned<u64>,
    #[serde(default)]
    think: Span,
    #[serde(default = "default_connection")]
    connection: Connection,
    #[serde(default = "default_timeout")]
    timeout: Spanned<Span>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Idle {
    windows: Spanned<u32>,
    window: Spanned<Span>,
}

const IDLE_WINDOWS: u32 = 8;
const IDLE_WINDOW: Duration = Duration::from_secs(1);
const WINDOW_MIN: Duration = Duration::from_millis(50);

impl Default for Idle {
    fn default() -> Idle {
        let place = serde_saphyr::Location::UNKNOWN;
        Idle {
            windows: Spanned::new(IDLE_WINDOWS, place, place),
            window: Spanned::new(Span(IDLE_WINDOW), place, place),
        }
    }
}

fn default_warmup() -> u64 {
    50
}

fn default_rounds() -> Spanned<u32> {
    Spanned::new(15, serde_saphyr::Location::UNKNOWN, serde_saphyr::Location::UNKNOWN)
}

fn default_seed() -> u64 {
    1
}

fn default_connection() -> Connection {
    Connection::Keep
}

fn default_timeout() -> Spanned<Span> {
    Spanned::new(Span(Duration::from_secs(10)), serde_saphyr::Location::UNKNOWN, serde_saphyr::Location::UNKNOWN)
}

impl Experiment {
    /// Reads and checks an experiment file and the topology that it names.
    pub fn read(path: &Path) -> Result<Experiment, Failure> {
        Experiment::parse(path, bundled::read(path)?)
    }

    /// The experiment for a topology of the user's own: both planes, and the defaults of everything else.
    pub fn of_topology(path: &Path, target: Option<&str>) -> Result<Experiment, Failure> {
        let graph = topology::read_topology(&bundled::read(path)?).map_err(|fault| Failure::in_file(path, fault))?;
        let target = match target {
            Some(url) => url.to_owned(),
            None => entrance(&graph)?,
        };
        target_of(&target, &graph).map_err(|(what, hint)| Failure::new(what, hint))?;
        // JSON's strings are YAML's, too.
        let text = format!(
            "name: {}\ntopology: {}\narms:\n  none: {{plane: none}}\n  sidecar: {{plane: sidecar}}\nload:\n  sequential: \
             {{target: {}, requests: 1500, think: 5ms}}\n",
            graph.name,
            serde_json::to_string(&path.to_string_lossy())?,
            serde_json::to_string(&target)?,
        );
        Experiment::parse(Path::new("experiment.yaml"), text)
    }

    fn parse(path: &Path, text: String) -> Result<Experiment, Failure> {
        let located = |fault| Failure::in_file(path, fault);
        let file: File = topology::read_yaml(&text).map_err(located)?;
        let topology = topology_of(path, &file.topology)?;
        let arms = arms_of(&file.arms).map_err(located)?;
        let Load::Sequential(sequential) = &file.load;
        let load = sequential_of(sequential, &topology.graph).map_err(located)?;
        let idle = idle_of(&file.idle).map_err(located)?;
        let rounds = at_least_one("rounds", &file.rounds).map_err(located)?;
        if u64::from(rounds) > load.requests {
            return Err(located(too_few_requests(&sequential.requests, rounds)));
        }
        Ok(Experiment {
            name: file.name,
            text,
            topology,
            arms,
            load,
            warmup: file.warmup,
            rounds,
            idle,
            seed: file.seed,
        })
    }

    /// Replaces what was asked for on the command line.
    pub fn amend(&mut self, amounts: &Amounts) -> Result<(), Failure> {
        self.rounds = amounts.rounds.unwrap_or(self.rounds);
        self.load.requests = amounts.requests.unwrap_or(self.load.requests);
        self.seed = amounts.seed.unwrap_or(self.seed);
        if amounts.rounds.is_none() {
            // Fewer requests than rounds: as many rounds as can have a request each.
            self.rounds = self.rounds.min(u32::try_from(self.load.requests).unwrap_or(u32::MAX));
        }
        if u64::from(self.rounds) > self.load.requests {
            return Err(Failure::new(
                format!("{} rounds cannot share {} requests", self.rounds, self.load.requests),
                "each round needs a request: raise `--requests` or lower `--rounds`",
            ));
        }
        Ok(())
    }

    /// Asks for another URL.
    pub fn aim(&mut self, url: &str) -> Result<(), Failure> {
        let target = target_of(url, &self.topology.graph).map_err(|(what, hint)| Failure::new(what, hint))?;
        self.load.target = target;
        Ok(())
    }

    /// Keeps the arms of these names, in this order.
    pub fn choose(&mut self, names: &[String]) -> Result<(), Failure> {
        if names.is_empty() {
            return Ok(());
        }
        let known: Vec<&str> = self.arms.iter().map(|arm| &*arm.name).collect();
        let hint = format!("arms here are {}", known.join(", "));
        let mut chosen: Vec<ArmPlan> = Vec::new();
        for name in names {
            let arm = self.arms.iter().find(|arm| arm.name == *name);
            let arm = arm.ok_or_else(|| Failure::new(format!("no arm is called `{name}`"), &*hint))?;
            if chosen.iter().any(|known| known.name == *name) {
                return Err(Failure::new(format!("arm `{name}` is named twice"), "name each arm once in `--arms`"));
            }
            chosen.push(arm.clone());
        }
        self.arms = chosen;
        Ok(())
    }

    /// Whether an arm needs Envoy.
    pub fn needs_envoy(&self) -> bool {
        self.arms.iter().any(|arm| matches!(arm.plane, Plane::Sidecar(_)))
    }
}

/// What `meshtax check` says of an experiment before it draws its topology.
pub fn outline(experiment: &Experiment) -> String {
    let arms: Vec<&str> = experiment.arms.iter().map(|arm| &*arm.name).collect();
    format!(
        "experiment {}: arms {}\n{} requests per arm to {} in {} rounds\n\n",
        experiment.name,
        arms.join(", "),
        experiment.load.requests,
        experiment.load.target,
        experiment.rounds
    )
}

fn topology_of(experiment: &Path, name: &Spanned<String>) -> Result<TopologyFile, Failure> {
    let bundled = format!("topologies/{}.yaml", name.value);
    let (path, text) = match bundled::file(&bundled) {
        Some(text) => (PathBuf::from(bundled), text.to_owned()),
        None => {
            let path = experiment.parent().unwrap_or(Path::new("")).join(&name.value);
            let read = bundled::file(&name.value).map(str::to_owned).map_or_else(|| std::fs::read_to_string(&path), Ok);
            let text = read.map_err(|error| {
                let hint =
                    "name a bundled topology (`meshtax show` lists them), or a file seen from the experiment's folder";
                Failure::in_file(
                    experiment,
                    Fault::at(name.referenced, format!("cannot read the topology `{}`: {error}", path.display()), hint),
                )
            })?;
            (path, text)
        }
    };
    let graph = topology::read_topology(&text).map_err(|fault| Failure::in_file(&path, fault))?;
    Ok(TopologyFile { text, graph })
}

fn arms_of(arms: &Spanned<Named<Arm>>) -> Result<Vec<ArmPlan>, Fault> {
    if arms.value.0.is_empty() {
        let hint = "write for example `none: {plane: none}` and `sidecar: {plane: sidecar}` below `arms:`";
        return Err(Fault::at(arms.referenced, "the experiment has no arms", hint));
    }
    arms.value.0.iter().map(|(name, arm)| arm_plan(name, arm)).collect()
}

fn arm_plan(name: &Spanned<String>, arm: &Arm) -> Result<ArmPlan, Fault> {
    if !is_dns_label(&name.value) {
        let what = format!("`{}` is no name for an arm", name.value);
        return Err(Fault::at(name.referenced, what, "use lower-case letters, digits and `-`, 30 at most"));
    }
    let sidecar_only =
        [arm.telemetry.as_ref().map(|at| at.referenced), arm.concurrency.as_ref().map(|at| at.referenced)];
    let plane = match (arm.plane, sidecar_only.into_iter().flatten().next()) {
        (PlaneName::None, Some(place)) => {
            return Err(Fault::at(
                place,
                "`telemetry` and `concurrency` are options of sidecars",
                "use `plane: sidecar`",
            ));
        }
        (PlaneName::None, None) => Plane::None,
        (PlaneName::Sidecar, _) => Plane::Sidecar(sidecar_of(arm)?),
    };
    Ok(ArmPlan { name: name.value.clone(), plane })
}

fn sidecar_of(arm: &Arm) -> Result<Sidecar, Fault> {
    let default = Sidecar::default();
    if let Some(concurrency) = arm.concurrency.as_ref().filter(|concurrency| !(1..=64).contains(&concurrency.value)) {
        let what = format!("{} is no number of worker threads", concurrency.value);
        return Err(Fault::at(concurrency.referenced, what, "use 1 to 64; Istio's default is 2"));
    }
    Ok(Sidecar {
        telemetry: arm.telemetry.as_ref().map_or(default.telemetry, |switch| switch.value == Switch::On),
        concurrency: arm.concurrency.as_ref().map_or(default.concurrency, |number| number.value),
    })
}

fn sequential_of(file: &SequentialFile, graph: &Topology) -> Result<Sequential, Fault> {
    let target =
        target_of(&file.target.value, graph).map_err(|(what, hint)| Fault::at(file.target.referenced, what, hint))?;
    if file.requests.value == 0 {
        return Err(Fault::at(file.requests.referenced, "0 requests measure nothing", "ask for 1 or more"));
    }
    if file.timeout.value.0.is_zero() {
        return Err(Fault::at(file.timeout.referenced, "no request ends within no time", "write a time such as `10s`"));
    }
    Ok(Sequential {
        target,
        requests: file.requests.value,
        think: file.think.0,
        connection: file.connection,
        timeout: file.timeout.value.0,
    })
}

/// A target must lead into the topology: what is wrong, and what to write instead.
fn target_of(url: &str, graph: &Topology) -> Result<Target, (String, String)> {
    let hint = || match entrance(graph) {
        Ok(entrance) => format!("write a URL such as `{entrance}`"),
        Err(_) => "write a URL such as `http://service:8080/`".to_owned(),
    };
    let target: Target = url.parse().map_err(|error: load::TargetError| (error.to_string(), hint()))?;
    let known = graph
        .services
        .iter()
        .find(|service| service.name == target.host() || plane::fqdn(&service.name) == target.host());
    let Some(service) = known else {
        return Err((format!("topology `{}` has no service `{}`", graph.name, target.host()), hint()));
    };
    if service.protocol != Protocol::Http {
        return Err((format!("service `{}` does not speak http", service.name), hint()));
    }
    if service.port != target.port() {
        return Err((
            format!("service `{}` listens on port {}, not {}", service.name, service.port, target.port()),
            hint(),
        ));
    }
    let path = target.path().split('?').next().unwrap_or_default();
    let serves = |work: &Work| match work {
        Work::Command { .. } => true,
        Work::Simulated { endpoints, .. } => {
            service.ready.as_deref() == Some(path) || endpoints.iter().any(|endpoint| endpoint.path == path)
        }
    };
    if service.versions.iter().all(|version| serves(&version.work)) {
        Ok(target)
    } else {
        Err((format!("service `{}` has no endpoint `{path}` in each of its versions", service.name), hint()))
    }
}

/// The first endpoint of the first service that speaks HTTP.
fn entrance(graph: &Topology) -> Result<String, Failure> {
    let service = graph.services.iter().find(|service| service.protocol == Protocol::Http).ok_or_else(|| {
        Failure::new(format!("topology `{}` has no http service to ask", graph.name), "add one that calls the others")
    })?;
    let path = match &service.versions[0].work {
        Work::Simulated { endpoints, .. } => endpoints.first().map_or("/", |endpoint| &endpoint.path),
        Work::Command { .. } => service.ready.as_deref().unwrap_or("/"),
    };
    Ok(format!("http://{}:{}{path}", service.name, service.port))
}

fn idle_of(idle: &Idle) -> Result<(u32, Duration), Fault> {
    if idle.windows.value < IDLE_WINDOWS {
        let what = format!("{} idle windows are too few for an interval", idle.windows.value);
        return Err(Fault::at(
            idle.windows.referenced,
            what,
            format!("use {IDLE_WINDOWS} or more; make them shorter to save time"),
        ));
    }
    if idle.window.value.0 < WINDOW_MIN {
        let what = "an idle window this short measures the clock of the kernel's accounting";
        return Err(Fault::at(idle.window.referenced, what, "use 50ms or more"));
    }
    Ok((idle.windows.value, idle.window.value.0))
}

fn at_least_one(name: &str, number: &Spanned<u32>) -> Result<u32, Fault> {
    match number.value {
        0 => Err(Fault::at(
            number.referenced,
            format!("`{name}` must not be 0"),
            "ask for 1 or more; intervals need 6, good ones 10",
        )),
        number => Ok(number),
    }
}

fn too_few_requests(requests: &Spanned<u64>, rounds: u32) -> Fault {
    let what = format!("{} requests cannot be shared by {rounds} rounds", requests.value);
    Fault::at(requests.referenced, what, "each round needs a request: raise `requests` or lower `rounds`")
}

fn is_dns_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= 30 && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests;
