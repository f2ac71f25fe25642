//! Compares two runs, and decides whether they can be compared.

mod difference;

use std::path::Path;
use std::process::ExitCode;

use measure::{Aspect, Comparison, Difference, Ended, Observations, Options};

use self::difference::differences;
use crate::cli::{CompareOptions, RunsFormat};
use crate::failure::Failure;
use crate::gate::{Judged, check, check_across_runs, gate};
use crate::output::{print, say};
use crate::record::Record;

/// `meshtax compare`.
pub fn compare(options: &CompareOptions) -> Result<ExitCode, Failure> {
    let comparison = compared(options)?;
    let judged = Judged::of_runs(&comparison);
    check(&options.gate.fail_if, &judged.arms, judged.baseline)?;
    if !options.arms_across_runs {
        check_across_runs(&options.gate.fail_if, &judged)?;
    }
    let format = if options.json { RunsFormat::Json } else { options.format };
    print(&match format {
        RunsFormat::Text => report::runs(&comparison),
        RunsFormat::Markdown => report::runs_markdown(&comparison),
        RunsFormat::Json => format!("{}\n", serde_json::to_string_pretty(&comparison)?),
    })?;
    Ok(match gate(&options.gate.fail_if, &judged) {
        Some(reason) => {
            say(&reason);
            ExitCode::from(1)
        }
        None => ExitCode::SUCCESS,
    })
}

fn compared(options: &CompareOptions) -> Result<Comparison, Failure> {
    let runs = [ComparedRun::open(&options.a)?, ComparedRun::open(&options.b)?];
    let differences = differences(&runs[0], &runs[1])?;
    if !options.force {
        comparable(&differences)?;
    }
    let [a, b] = &runs;
    let judging = Options { margin: options.margin, arms_across_runs: options.arms_across_runs };
    let comparison = measure::compare(&a.ended(), &b.ended(), differences, &judging);
    if comparison.effects.is_empty() {
        let names = |run: &ComparedRun| {
            run.record.measurement.arms.iter().map(|arm| arm.name.clone()).collect::<Vec<_>>().join(", ")
        };
        return Err(Failure::new(
            "the runs have no arm in common",
            format!("A has {}, B has {}; compare runs with arms of the same names", names(a), names(b)),
        ));
    }
    Ok(comparison)
}

/// A run that is compared, with the conditions of its rounds.
struct ComparedRun {
    record: Record,
    observations: Observations,
}

impl ComparedRun {
    fn open(path: &Path) -> Result<ComparedRun, Failure> {
        let record = Record::open(path)?;
        let observations = record.observations()?;
        Ok(ComparedRun { record, observations })
    }

    fn ended(&self) -> Ended<'_> {
        Ended { measurement: &self.record.measurement, observations: &self.observations }
    }
}

/// Returns an error if the runs differ in topology or load, so that their figures answer different questions.
fn comparable(differences: &[Difference]) -> Result<(), Failure> {
    let essential = differences.iter().filter(|found| found.aspect.is_essential());
    let told: Vec<String> = essential
        .map(|Difference { aspect, name, a, b }| {
            let of = if *aspect == Aspect::Topology { "topology" } else { "load" };
            format!("{of}, {name}: {a} against {b}")
        })
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("the runs cannot be compared ({})", told.join("; ")),
        "compare runs of the same topology and load, or print the figures anyway with `--force`",
    ))
}
