//! One execution of an experiment, from the command line to the exit status.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use experiment::Demand;
use experiment::{Amounts, Arm, Experiment};
use experiment::{Plan, plan};
use lab::Trees;
use measure::{Environment, Measurement, NULL_ARM};
use run::{Assignment, Completeness, Interrupted, Outcome, Progress, RunFolder, Seen, Timing, spoken};

use crate::awake::Awake;
use crate::clean;
use crate::cli::{DemoOptions, OutputOptions, RunOptions};
use crate::failure::Failure;
use crate::forgone::forgo;
use crate::format;
use crate::gate::{self, Judged};
use crate::held::held_facts;
use crate::host::{self, Host, Keeping};
use crate::input;
use crate::limits::{self, Refusals};
use crate::needs;
use crate::output::{print, say};
use crate::record::Record;
use crate::signals::{INTERRUPTED, heed_signals};
use crate::status_line::StatusLine;

/// The experiment that `meshtax demo` runs.
const DEMO: &str = "experiments/demo.yaml";
/// The experiment that `meshtax calibrate` runs.
const CALIBRATION: &str = "experiments/calibrate.yaml";

/// `meshtax demo`.
pub fn demo(options: &DemoOptions) -> Result<ExitCode, Failure> {
    let experiment = input::experiment(Path::new(DEMO))?;
    perform(experiment, &options.amounts.amounts(), &options.output)
}

/// `meshtax calibrate`.
pub fn calibrate(options: &DemoOptions) -> Result<ExitCode, Failure> {
    let experiment = input::experiment(Path::new(CALIBRATION))?;
    perform(experiment, &options.amounts.amounts(), &options.output)
}

/// `meshtax run`.
pub fn run(options: &RunOptions) -> Result<ExitCode, Failure> {
    let mut experiment = match (&options.experiment, &options.topology) {
        (Some(file), _) => input::experiment(file)?,
        (None, Some(topology)) => input::experiment_on(topology, options.target.as_deref())?,
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
        let hint = "choose arms with `--arms`; they stand at the same time";
        return Err(Failure::new(
            "the groups of an experiment are set up one after the other and cannot be kept",
            hint,
        ));
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
        // Groups are runs of their own: each has its own folder and verdict.
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

/// Performs one run: parses, plans, sets up, measures, removes and reports. Every check happens before anything starts.
fn perform(mut experiment: Experiment, amounts: &Amounts, output: &OutputOptions) -> Result<ExitCode, Failure> {
    experiment.amend(amounts)?;
    check_gate(&experiment, output)?;
    needs::programs(&experiment)?;
    let envoy = needs::check(experiment.needs_envoy(), output.envoy.as_deref())?;
    host::kernel::check(&experiment)?;
    let trees = Trees::discover().context("cannot find control groups")?;
    let unlimited = forgo(&mut experiment, &trees);
    limits::check(&experiment, Some(&trees), &out_of(output, "ID"))?;
    let stop = heed_signals()?;
    let plan = plan(&experiment);
    let claim = lab::claim().context("cannot lock an id for this run")?;
    let folder = RunFolder::create(&out_of(output, claim.id())).map_err(Failure::of_folder)?;
    keep_questions(&folder, &experiment, &plan)?;
    clean::sweep(&trees)?;
    let mut progress = StatusLine::new();
    let awake = keep_awake(&experiment, &mut progress);
    progress.note(&format!("{}; it will take about {}", title(&experiment), spoken(plan.length(&experiment))));
    progress.note(&Demand::of(&experiment).to_string());
    let keeping = Keeping { is_awake: awake.is_some(), stands_on: output.keep };
    let mut host = Host {
        experiment: &experiment,
        plan: &plan,
        envoy: &envoy,
        folder: &folder,
        trees: &trees,
        stop: &stop,
        claim: Some(claim),
        keeping,
        refusals: Refusals::so_far(),
        farewell: Vec::new(),
    };
    let is_stopped = || stop.is_set();
    let assignment = Assignment {
        experiment: &experiment,
        plan: &plan,
        folder: &folder,
        unlimited: &unlimited,
        is_stopped: &is_stopped,
    };
    let Outcome { mut seen, environment, timings, ended } = run::perform(&assignment, &mut host, &mut progress);
    progress.finish();
    let Some(environment) = environment.filter(|_| !seen.observations.load.is_empty()) else {
        return Err(ended.err().unwrap_or_else(|| Interrupted.into()));
    };
    let is_whole = ended.is_ok() && !stop.is_set();
    let completeness = if is_whole { Completeness::Whole } else { Completeness::Partial };
    let measurement = measured(&experiment, environment, &mut seen, completeness, output);
    // The figures are reported even if the files could not be written.
    let kept = keep_answers(&folder, &measurement, &timings);
    show(&measurement, folder.path(), output)?;
    seen.probings.line().iter().for_each(|line| say(line));
    say(&format!("run folder: {}", folder.path().display()));
    host.farewell.iter().for_each(|line| say(line));
    ended.or_else(|failure| if failure.is_interruption() { Ok(()) } else { Err(failure) })?;
    kept?;
    Ok(verdict(&measurement, output))
}

/// Makes the measurement of a run from the rounds that are not left out.
fn measured(
    experiment: &Experiment,
    environment: Environment,
    seen: &mut Seen,
    completeness: Completeness,
    output: &OutputOptions,
) -> Measurement {
    seen.observations.facts.held = held_facts(experiment, &seen.probings);
    seen.observations.leave_out(experiment.drop_foreign);
    let step = output.rounding.round_latency;
    let truncated = step.map(|step| measure::truncated(&seen.observations, step));
    Measurement { truncated, ..run::measurement(experiment, environment, seen, completeness) }
}

/// The run folder of the run with this id.
fn out_of(output: &OutputOptions, id: &str) -> PathBuf {
    output.out.clone().unwrap_or_else(|| Path::new("runs").join(id))
}

/// Keeps processors awake if the experiment asks for it. If that fails, the report does not claim it.
fn keep_awake(experiment: &Experiment, progress: &mut StatusLine) -> Option<Awake> {
    if !experiment.awake {
        return None;
    }
    let held = Awake::hold();
    if let Err(error) = &held {
        progress.note(&format!("processors may sleep between requests: this machine cannot prevent it ({error})"));
    }
    held.ok()
}

/// Returns an error if a condition names an arm that cannot be judged. The baseline's copy cannot be, if there are
/// other arms.
fn check_gate(experiment: &Experiment, output: &OutputOptions) -> Result<(), Failure> {
    let standing = experiment.standing();
    let (baseline, others) = standing.split_first().expect("an experiment has a baseline");
    let is_judged = |arm: &&Arm| others.len() == 1 || arm.name != NULL_ARM;
    let others: Vec<&str> = others.iter().filter(is_judged).map(|arm| &*arm.name).collect();
    gate::check(&output.gate.fail_if, &others, &baseline.name)
}

/// Writes what the run will do into its folder.
fn keep_questions(folder: &RunFolder, experiment: &Experiment, plan: &Plan) -> anyhow::Result<()> {
    folder.write("experiment.yaml", &experiment.text)?;
    folder.write_private("topology.yaml", &experiment.topology.text)?;
    folder.write_json("plan.json", plan)
}

/// Writes the results, each file even if another one fails.
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

/// The exit status for a measurement.
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

fn title(experiment: &Experiment) -> String {
    let arms: Vec<&str> = experiment.arms.iter().map(|arm| &*arm.name).collect();
    format!(
        "{}: arms {} side by side, {} requests each {}",
        experiment.name,
        arms.join(", "),
        experiment.requests,
        experiment.course()
    )
}

fn show(measurement: &Measurement, folder: &Path, output: &OutputOptions) -> Result<(), Failure> {
    if output.json {
        return print(&format!("{}\n", serde_json::to_string_pretty(measurement)?)).map_err(Failure::from);
    }
    let folder = folder.display().to_string();
    let text = if output.full { format::text(measurement) } else { report::summary(measurement, &folder) };
    print(&text).map_err(Failure::from)
}
