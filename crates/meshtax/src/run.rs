use std::fs;
use std::iter;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use lab::{ArmPlan, Blueprint, Lab, LabError, Program, Role, Stop, Trees};
use measure::{Environment, Measurement, NULL_ARM};
use plane::AppProbe;
use serde::Serialize;
use serde_json::{Value, json};
use topology::{Addition, Metrics};

use crate::awake::Awake;
use crate::cause;
use crate::clean;
use crate::cli::{DemoOptions, OutputOptions, RunOptions};
use crate::conduct::{Conductor, Stand};
use crate::demand::Demand;
use crate::environment::environment;
use crate::experiment::{Amounts, Arm, Experiment};
use crate::failure::{Failure, Hint};
use crate::folder::RunFolder;
use crate::forgone::forgo;
use crate::format;
use crate::gate::{self, Judged};
use crate::held::held_facts;
use crate::kernel::{self, Kernel};
use crate::limits::{self, Refusals};
use crate::measurement;
use crate::needs::{self, Envoy};
use crate::output::{print, say};
use crate::plan::{Plan, Round, plan};
use crate::planes;
use crate::progress::{Progress, spoken};
use crate::record::Record;
use crate::signals::heed_signals;
use crate::telemetry;
use crate::warm_up::FailedWarmUp;
use crate::witness::Meters;

/// The experiment that `meshtax demo` runs.
const DEMO: &str = "experiments/demo.yaml";
/// The experiment that `meshtax calibrate` runs.
const CALIBRATION: &str = "experiments/calibrate.yaml";
/// Exit status of a run that the user has stopped.
const INTERRUPTED: u8 = 130;

/// `meshtax demo`.
pub fn demo(options: &DemoOptions) -> Result<ExitCode, Failure> {
    let experiment = Experiment::read(Path::new(DEMO))?;
    perform(experiment, &options.amounts.amounts(), &options.output)
}

/// `meshtax calibrate`.
pub fn calibrate(options: &DemoOptions) -> Result<ExitCode, Failure> {
    let experiment = Experiment::read(Path::new(CALIBRATION))?;
    perform(experiment, &options.amounts.amounts(), &options.output)
}

/// `meshtax run`.
pub fn run(options: &RunOptions) -> Result<ExitCode, Failure> {
    let mut experiment = match (&options.experiment, &options.topology) {
        (Some(file), _) => Experiment::read(file)?,
        (None, Some(topology)) => Experiment::of_topology(topology, options.target.as_deref())?,
        (None, None) => unreachable!("clap asks for an experiment or a topology"),
    };
    if let (Some(target), Some(_)) = (&options.target, &options.experiment) {
        experiment.aim(target)?;
    }
    experiment.choose(&options.arms)?;
    if options.null {
        experiment.only_null();
    }
    check_gate(&experiment, &options.output)?;
    let experiments = experiment.in_groups();
    if options.output.keep && experiments.len() > 1 {
        let hint = "choose arms with `--arms`; they stand together";
        return Err(Failure::new("the groups of an experiment stand one after the other and cannot be kept", hint));
    }
    for (_, experiment) in &experiments {
        let mut experiment = experiment.clone();
        experiment.amend(&options.amounts.amounts())?;
        limits::check(&experiment, Trees::discover().ok().as_ref(), &out_of(&options.output, "ID"))?;
    }
    let mut worst = ExitCode::SUCCESS;
    for (group, experiment) in experiments {
        let mut output = options.output.clone();
        output.gate.fail_if.retain(|condition| experiment.is_about(condition));
        // Groups are runs of their own: each has a folder, and its verdict stays.
        let out = options.output.out.as_ref().map(|out| group.map_or(out.clone(), |group| out.join(group)));
        let outcome = perform(experiment, &options.amounts.amounts(), &OutputOptions { out, ..output })?;
        if outcome != ExitCode::SUCCESS {
            worst = outcome;
        }
        if outcome == ExitCode::from(INTERRUPTED) {
            break;
        }
    }
    Ok(worst)
}

/// Parses, plans, stands up, measures, tears down, reports. Every check happens before anything starts.
fn perform(mut experiment: Experiment, amounts: &Amounts, output: &OutputOptions) -> Result<ExitCode, Failure> {
    experiment.amend(amounts)?;
    check_gate(&experiment, output)?;
    let envoy = needs::check(experiment.needs_envoy(), output.envoy.as_deref())?;
    needs::programs(&experiment)?;
    kernel::check(&experiment)?;
    let trees = Trees::discover().context("cannot find control groups")?;
    let unlimited = forgo(&mut experiment, &trees);
    limits::check(&experiment, Some(&trees), &out_of(output, "ID"))?;
    let stop = heed_signals()?;
    let plan = plan(&experiment);
    let claim = lab::claim().context("cannot lock an id for this run")?;
    let folder = RunFolder::create(&out_of(output, claim.id()))?;
    keep_questions(&folder, &experiment, &plan)?;
    clean::sweep(&trees)?;
    let mut progress = Progress::new();
    let awake = keep_awake(&experiment, &mut progress);
    progress.note(&format!("{}; it will take about {}", title(&experiment), spoken(plan.length(&experiment))));
    progress.note(&Demand::of(&experiment).to_string());
    let site = Site {
        experiment: &experiment,
        plan: &plan,
        envoy: &envoy,
        folder: &folder,
        trees: &trees,
        stop: &stop,
        is_awake: awake.is_some(),
        keep: output.keep,
    };
    let mut conductor = Conductor::new(&experiment, &plan, &folder, &stop);
    conductor.seen.facts.unlimited = unlimited;
    let mut course = Course { opened: Instant::now(), facts: None, timings: Vec::new(), farewell: Vec::new() };
    let ended = course.go(&site, claim, &mut conductor, &mut progress);
    progress.finish();
    let Course { facts, timings, farewell, .. } = course;
    let Some(facts) = facts.filter(|_| !conductor.seen.load.is_empty()) else {
        return Err(ended.err().unwrap_or_else(|| LabError::Interrupted.into()));
    };
    let telemetry =
        telemetry::sightings(&plan.arms, &conductor.seen.facts.sidecars, &conductor.asked, &conductor.watched);
    let Conductor { mut seen, tally, probings, faults, .. } = conductor;
    seen.facts.held = held_facts(&experiment, &probings);
    seen.leave_out(experiment.drop_foreign);
    let truncated = output.rounding.round_latency.map(|step| measure::truncated(&seen, step));
    let complete = ended.is_ok() && !stop.is_set();
    let measurement = Measurement {
        telemetry,
        truncated,
        faults,
        ..measurement::of_run(&experiment, facts, &seen, &tally, complete)
    };
    // Whatever cannot be kept, the figures are told.
    let kept = keep_answers(&folder, &measurement, &timings);
    show(&measurement, output.json)?;
    probings.line().iter().for_each(|line| say(line));
    say(&format!("run folder: {}", folder.path().display()));
    farewell.iter().for_each(|line| say(line));
    ended.or_else(|failure| if failure.is_interruption() { Ok(()) } else { Err(failure) })?;
    kept?;
    Ok(verdict(&measurement, output))
}

/// Where the files of the run with this id go.
fn out_of(output: &OutputOptions, id: &str) -> PathBuf {
    output.out.clone().unwrap_or_else(|| Path::new("runs").join(id))
}

/// One stand-up of the lab after the other, and what they came to beside what was measured.
struct Course {
    opened: Instant,
    facts: Option<Environment>,
    timings: Vec<Timing>,
    farewell: Vec<String>,
}

impl Course {
    /// Goes on until every round is done, or the user or an error ends it; what was seen until then stays with the conductor.
    fn go(
        &mut self,
        site: &Site,
        claim: lab::Claim,
        conductor: &mut Conductor,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut claims = iter::once(Ok(claim)).chain(iter::repeat_with(lab::claim));
        for (number, rounds) in (0..).zip(site.plan.by_stand()) {
            let claim = claims.next().expect("they never end").context("cannot lock an id for this run")?;
            if self.stand(number, &rounds, site, claim, conductor, progress)? {
                break;
            }
        }
        Ok(())
    }

    /// Stands the lab up, has the conductor perform its rounds, and takes it down; whether the run is over then.
    fn stand(
        &mut self,
        number: u32,
        rounds: &[(u32, &Round)],
        site: &Site,
        claim: lab::Claim,
        conductor: &mut Conductor,
        progress: &mut Progress,
    ) -> Result<bool, Failure> {
        let refusals = Refusals::so_far();
        let (mut lab, stand_up_s) = site.stand_up(number, claim, progress)?;
        let meters = Meters::open(&lab, self.opened).context("cannot open the meters")?;
        if number == 0 {
            progress.note(&format!("lab {} stands after {stand_up_s:.1} s", lab.id()));
        }
        let memory = meters.memory_source();
        let facts = self.facts.get_or_insert_with(|| environment(site.envoy, site.trees, memory, site.is_awake));
        site.folder.write_json("environment.json", facts)?;
        let kernel = Kernel::over(site.experiment, &lab)?;
        let mut stand = Stand { number, lab: &mut lab, meters, kernel, folder: &site.ground(number) };
        let outcome = conductor.perform(&mut stand, rounds, progress);
        let is_over = conductor.is_over(rounds.last().map_or(0, |(round, _)| round + 1));
        let started = Instant::now();
        self.farewell = take_down(lab, site.keep && is_over && outcome.is_ok())?;
        self.timings.push(Timing { stand_up_s, tear_down_s: started.elapsed().as_secs_f64() });
        outcome.map(|()| is_over).map_err(|error| match refusals.hint() {
            Some(limit) => Failure::because(error, limit),
            None if error.is::<FailedWarmUp>() => Failure::because(error, warm_up_hint(site.folder)),
            None => error.into(),
        })
    }
}

/// What to do where nothing answers as it should.
fn warm_up_hint(folder: &RunFolder) -> String {
    format!("see whether `target` names what answers, and the logs in {}", folder.path().display())
}

/// Keeps processors awake, where that is asked for; where it cannot be done the report does not say that it was.
fn keep_awake(experiment: &Experiment, progress: &mut Progress) -> Option<Awake> {
    if !experiment.awake {
        return None;
    }
    let held = Awake::hold();
    if let Err(error) = &held {
        progress
            .note(&format!("processors may sleep between requests: this machine cannot be asked otherwise ({error})"));
    }
    held.ok()
}

/// Refuses conditions about arms that the experiment lacks; beside other arms, the baseline's copy is none to judge.
fn check_gate(experiment: &Experiment, output: &OutputOptions) -> Result<(), Failure> {
    let standing = experiment.standing();
    let (baseline, others) = standing.split_first().expect("an experiment has a baseline");
    let is_judged = |arm: &&Arm| others.len() == 1 || arm.name != NULL_ARM;
    let others: Vec<&str> = others.iter().filter(is_judged).map(|arm| &*arm.name).collect();
    gate::check(&output.gate.fail_if, &others, &baseline.name)
}

/// Writes what will be done.
fn keep_questions(folder: &RunFolder, experiment: &Experiment, plan: &Plan) -> anyhow::Result<()> {
    folder.write("experiment.yaml", &experiment.text)?;
    folder.write_private("topology.yaml", &experiment.topology.text)?;
    folder.write_json("plan.json", plan)
}

/// Writes what came out: each file, whatever becomes of the others.
fn keep_answers(folder: &RunFolder, measurement: &Measurement, timings: &[Timing]) -> Result<(), Failure> {
    let page = || Ok(folder.write("report.html", &format::page(&Record::open(folder.path())?)?)?);
    let kept = [
        folder.write_json("measurement.json", measurement).map_err(Failure::from),
        folder.write_json("timing.json", &timings).map_err(Failure::from),
        folder.write("report.txt", &format::text(measurement)).map_err(Failure::from),
        page(),
    ];
    kept.into_iter().collect()
}

/// The exit status that goes with a measurement.
fn verdict(measurement: &Measurement, output: &OutputOptions) -> ExitCode {
    if !measurement.experiment.complete {
        return ExitCode::from(INTERRUPTED);
    }
    let fatal = measurement.cautions.iter().filter(|caution| output.strict && caution.fatal);
    let refused = fatal.map(|caution| format!("refused by --strict: {}: {}", caution.kind, caution.text));
    let reasons: Vec<String> = refused.chain(gate::gate(&output.gate.fail_if, &Judged::of_run(measurement))).collect();
    reasons.iter().for_each(|reason| say(reason));
    if reasons.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// How long the lab took to come and go: `timing.json` has one for each time that it stood.
#[derive(Debug, Serialize)]
pub struct Timing {
    /// From the first namespace to the last program that is ready, in seconds.
    pub stand_up_s: f64,
    /// Until nothing is left, in seconds.
    pub tear_down_s: f64,
}

/// Stands up the experiment's lab in a folder that does not stay, and removes it.
pub fn trial(experiment: &Experiment, envoy: &Envoy) -> Result<Timing, Failure> {
    let trees = Trees::discover().context("cannot find control groups")?;
    let stop = heed_signals()?;
    let claim = lab::claim().context("cannot lock an id for this run")?;
    let folder = RunFolder::create(&std::env::temp_dir().join(format!("meshtax-{}", claim.id())))?;
    folder.write_private("topology.yaml", &experiment.topology.text)?;
    let plan = plan(experiment);
    let (is_awake, keep) = (false, false);
    let site = Site { experiment, plan: &plan, envoy, folder: &folder, trees: &trees, stop: &stop, is_awake, keep };
    let timing = site.stand_up(0, claim, &mut Progress::new()).and_then(|(lab, stand_up_s)| {
        let started = Instant::now();
        lab.tear_down().hint("run `meshtax clean`")?;
        Ok(Timing { stand_up_s, tear_down_s: started.elapsed().as_secs_f64() })
    });
    fs::remove_dir_all(folder.path()).with_context(|| format!("cannot remove {}", folder.path().display()))?;
    timing
}

fn title(experiment: &Experiment) -> String {
    let arms: Vec<&str> = experiment.arms.iter().map(|arm| &*arm.name).collect();
    format!(
        "{}: arms {} side by side, {} requests each {}",
        experiment.name,
        arms.join(", "),
        experiment.load.requests,
        experiment.course()
    )
}

/// What every stand-up of a run has in common.
struct Site<'a> {
    experiment: &'a Experiment,
    plan: &'a Plan,
    envoy: &'a Envoy,
    folder: &'a RunFolder,
    trees: &'a Trees,
    stop: &'a Stop,
    /// Whether processors are kept awake.
    is_awake: bool,
    /// Whether the last lab is to stand on.
    keep: bool,
}

impl Site<'_> {
    /// Where the files of a stand-up lie: in the run folder, or in a folder of it for each where there are several.
    fn ground(&self, number: u32) -> PathBuf {
        match self.plan.stands {
            None => self.folder.path().to_owned(),
            Some(_) => self.folder.path().join(format!("stands/{}", number + 1)),
        }
    }

    /// Makes the lab; how long that took, in seconds.
    fn stand_up(&self, number: u32, claim: lab::Claim, progress: &mut Progress) -> Result<(Lab, f64), Failure> {
        let own = std::env::current_exe().context("cannot find this program's own binary")?;
        let ground = self.ground(number);
        fs::create_dir_all(&ground).with_context(|| format!("cannot make {}", ground.display()))?;
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
            folder: &ground,
            working_folder: &self.experiment.topology.folder,
            shown: &shown,
            patience: self.experiment.ready_timeout,
        };
        progress.state("standing up pods and sidecars");
        let (started, refusals) = (Instant::now(), Refusals::so_far());
        let lab = lab::stand_up(&blueprint, claim, self.trees.clone(), self.stop).map_err(|error| {
            let logs = "the run folder's logs/ has what each program said; `meshtax doctor` checks this machine";
            let error = anyhow::Error::from(error);
            let cause = refusals.hint().or_else(|| cause::of_lab(&format!("{error:#}")));
            Failure::because(error, cause.unwrap_or_else(|| logs.to_owned()))
        })?;
        let stand_up_s = started.elapsed().as_secs_f64();
        planes::write_differences(&ground, &arms)?;
        Ok((lab, stand_up_s))
    }
}

/// This binary as a simulated service, which bears a known cost where its arm has one.
fn service(own: &Path, topology: &Path, pod: &str, added: Option<&Addition>) -> Program {
    let topology = topology.to_string_lossy();
    let mut arguments = vec!["service", "--topology", &topology, "--pod", pod];
    let added = added.map(|added| serde_json::to_string(added).expect("an addition has text keys"));
    if let Some(added) = &added {
        arguments.extend(["--add", added]);
    }
    in_role(own, &arguments)
}

/// This binary in a role that is the same in every arm.
fn program(own: &Path, role: Role<'_>) -> Program {
    match role {
        Role::Pause => in_role(own, &["pause"]),
        Role::Client => in_role(own, &["load"]),
        Role::Kubelet { probes } => in_role(own, &["kubelet", &probes.to_string_lossy()]),
        Role::Pilot { address, probes, metrics, hold_bytes } => pilot(own, address, probes, metrics, hold_bytes),
        Role::Dns { zone } => in_role(own, &["dns", &zone.to_string_lossy()]),
        Role::Service { .. } => unreachable!("services differ from arm to arm"),
    }
}

/// This binary as the agent beside an Envoy.
fn pilot(own: &Path, address: Ipv4Addr, probes: &[AppProbe], metrics: Option<&Metrics>, hold_bytes: u64) -> Program {
    let probe = |probe: &AppProbe| json!({"path": probe.path, "port": probe.port, "target": probe.target});
    let probes = Value::from_iter(probes.iter().map(probe));
    let (address, probes) = (address.to_string(), probes.to_string());
    // As pilot-agent, it asks at the pod's loopback, where no rule leads back to Envoy.
    let at = |metrics: &Metrics| json!({"at": format!("127.0.0.1:{}", metrics.port), "path": metrics.path}).to_string();
    let metrics = metrics.map(at);
    let hold = hold_bytes.to_string();
    let mut arguments = vec!["pilot", "--address", &address, "--probes", &probes, "--hold", &hold];
    arguments.extend(metrics.iter().flat_map(|metrics| ["--metrics", metrics]));
    in_role(own, &arguments)
}

fn in_role(own: &Path, arguments: &[&str]) -> Program {
    let own = own.to_string_lossy().into_owned();
    let arguments = arguments.iter().map(|argument| (*argument).to_owned());
    let command = [own, "role".to_owned()].into_iter().chain(arguments).collect();
    Program { command, environment: Vec::new(), takes_orders: true }
}

/// Takes the lab down, or leaves it standing; then what to tell the user about it.
fn take_down(lab: Lab, keep: bool) -> Result<Vec<String>, Failure> {
    if !keep {
        lab.tear_down().hint("run `meshtax clean`")?;
        return Ok(Vec::new());
    }
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
    lab.keep()?;
    Ok(lines)
}

fn show(measurement: &Measurement, json: bool) -> Result<(), Failure> {
    if json {
        print(&format!("{}\n", serde_json::to_string_pretty(measurement)?))?;
    } else {
        print(&format::text(measurement))?;
    }
    Ok(())
}
