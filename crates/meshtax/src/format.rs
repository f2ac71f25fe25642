use std::process::ExitCode;

use measure::Measurement;

use crate::cli::{Format, ReportOptions};
use crate::failure::Failure;
use crate::gate::{Judged, check, gate};
use crate::output::{print, say};
use crate::record::{self, Record};

/// `meshtax report`: prints a run in the chosen format.
pub fn report(options: &ReportOptions) -> Result<ExitCode, Failure> {
    let mut record = Record::open(&options.folder)?;
    if let Some(step) = options.rounding.round_latency {
        record.measurement.truncated = Some(measure::truncated(&record.observations()?, step));
    }
    let judged = Judged::of_run(&record.measurement);
    check(&options.gate.fail_if, &judged.arms, judged.baseline)?;
    let format = if options.json { Format::Json } else { options.format };
    let folder = options.folder.display().to_string();
    let folder = folder.trim_end_matches('/');
    let text = match format {
        Format::Text if !options.full => report::summary(&record.measurement, folder),
        format => written(&record, format, options.arm.as_deref())?,
    };
    print(&text)?;
    if let Some(cut) = record.cut() {
        say(&format!("warning: {cut}; {}", record::rest()));
    }
    Ok(match gate(&options.gate.fail_if, &judged) {
        Some(reason) => {
            say(&reason);
            ExitCode::from(1)
        }
        None => ExitCode::SUCCESS,
    })
}

fn written(record: &Record, format: Format, arm: Option<&str>) -> Result<String, Failure> {
    let measurement = &record.measurement;
    Ok(match format {
        Format::Text => text(measurement),
        Format::Markdown => report::markdown(measurement),
        Format::Html => page(record)?,
        Format::Json => format!("{}\n", serde_json::to_string_pretty(measurement)?),
        Format::Fortio => {
            let arm = one_arm(measurement, arm)?;
            report::fortio(measurement, arm, &measure::distribution(&record.observations()?, arm))
        }
    })
}

/// The run as text: why it is not to be believed, the known costs it found, the answer, and every figure.
pub fn text(measurement: &Measurement) -> String {
    let parts = [
        report::warnings(&measurement.cautions),
        report::calibration(measurement),
        report::answer(measurement),
        report::text(measurement),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The run as one HTML page, made from its folder.
pub fn page(record: &Record) -> Result<String, Failure> {
    let curves = measure::curves(&record.observations()?);
    Ok(report::html(&record.measurement, &curves, &record.topology()?))
}

/// The arm with this name or, without a name, the only arm.
fn one_arm<'a>(measurement: &'a Measurement, name: Option<&str>) -> Result<&'a str, Failure> {
    let known: Vec<&str> = measurement.arms.iter().map(|arm| arm.name.as_str()).collect();
    let hint = format!("arms here are {}", known.join(", "));
    match (name, &known[..]) {
        (Some(name), _) => known
            .iter()
            .find(|known| **known == name)
            .copied()
            .ok_or_else(|| Failure::new(format!("no arm is called `{name}`"), hint)),
        (None, [only]) => Ok(only),
        (None, _) => Err(Failure::new("this format has one arm: name it with `--arm`", hint)),
    }
}
