use measure::{Arm, Caution, Measurement, Metric, Signal};

use crate::answer::answer;
use crate::calibration::{COLUMNS, recovered, summary};
use crate::caution::{FATAL, fatal};
use crate::comparison::{effect, effect_cell, value_cells};
use crate::fault;
use crate::figure::{count, requests, rounds, units};
use crate::gap::MissingCell;
use crate::group::{GROUPS, groups};
use crate::held::unverified;
use crate::interval::{change_of, mark_meaning};
use crate::telemetry;
use crate::truncated;
use crate::verdict::{p_value, spelled};

/// A run as Markdown for a pull request: the answer, the primary metrics with their verdicts, cautions, and everything
/// else folded away.
pub fn markdown(measurement: &Measurement) -> String {
    let others = measurement.arms.iter().skip(1);
    let parts = [
        vec![format!("### meshtax: {}", escaped(&measurement.experiment.name)), warnings(&measurement.cautions)],
        vec![quoted(&answer(measurement))],
        others.clone().map(|arm| primary(measurement, arm)).collect(),
        vec![calibration(measurement), cautions(&measurement.cautions)],
        vec![truncated(measurement), telemetry(measurement), faults(measurement)],
        vec![unverified(&measurement.arms).unwrap_or_default().to_owned()],
        others.map(|arm| folded(measurement, arm)).collect(),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let parts = parts.join("\n\n");
    let (_, unit) = units(&measurement.experiment);
    let marks = mark_meaning(&parts, &format!("{unit}s")).map_or_else(String::new, |meaning| format!("; {meaning}"));
    format!("{parts}\n\n{}\n", origin(measurement, &marks))
}

fn quoted(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| format!("> {}", paragraph.trim().replace('\n', " ")))
        .collect::<Vec<_>>()
        .join("\n>\n")
}

fn primary(measurement: &Measurement, arm: &Arm) -> String {
    let has_floor = measurement.null.is_some();
    let base = base(measurement);
    let mut header = vec!["".to_owned(), base.name.clone(), arm.name.clone(), format!("vs {}", base.name)];
    header.extend(has_floor.then(|| "noise floor".to_owned()));
    header.extend(["p (Holm)", "verdict"].map(str::to_owned));
    let rows = Metric::PRIMARY.into_iter().map(|metric| {
        let effect = effect(measurement, arm, metric);
        let mut row = vec![title(metric), value(base, metric), value(arm, metric), told(effect_cell(effect, metric))];
        row.extend(has_floor.then(|| floor(measurement, metric)));
        row.push(effect.and_then(|effect| effect.p_holm).map_or_else(String::new, p_value));
        row.push(
            effect.and_then(|effect| effect.verdict).map_or_else(String::new, |verdict| spelled(verdict).to_owned()),
        );
        row
    });
    table(header, rows)
}

/// Known costs and the effects that were found.
fn calibration(measurement: &Measurement) -> String {
    if measurement.calibration.is_empty() {
        return String::new();
    }
    let rows = measurement.calibration.iter().map(|recovery| recovered(recovery).map(told).into());
    let header = COLUMNS.map(str::to_owned).to_vec();
    format!("{}\n\n{}", summary(measurement), table(header, rows))
}

/// Latencies as a client would report them that cuts them to whole steps.
fn truncated(measurement: &Measurement) -> String {
    if measurement.truncated.is_none() {
        return String::new();
    }
    let header = std::iter::once(truncated::title(measurement)).chain(truncated::COLUMNS.map(str::to_owned)).collect();
    let rows = truncated::rows(measurement).map(|(arm, cells)| std::iter::once(arm.to_owned()).chain(cells).collect());
    table(header, rows)
}

/// What each arm let its operators see.
fn telemetry(measurement: &Measurement) -> String {
    if measurement.telemetry.is_empty() {
        return String::new();
    }
    let names = || measurement.arms.iter().map(|arm| arm.name.as_str());
    let header = std::iter::once("What is seen").chain(names()).map(str::to_owned).collect();
    let row = |signal| {
        let cells = names().map(|arm| telemetry::cell(measurement, arm, signal));
        std::iter::once(telemetry::title(signal).to_owned()).chain(cells).collect()
    };
    table(header, Signal::ALL.into_iter().map(row))
}

/// The signs of each fault.
fn faults(measurement: &Measurement) -> String {
    if measurement.faults.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = measurement.arms.iter().map(|arm| arm.name.as_str()).collect();
    let header = std::iter::once("Signs of faults").chain(names.iter().copied()).map(str::to_owned).collect();
    let made = fault::made(measurement);
    let rows = made.iter().flat_map(|(title, trials)| {
        let row = move |(name, cells): (&str, Vec<String>)| {
            std::iter::once(format!("{title}: {name}")).chain(cells).collect::<Vec<_>>()
        };
        fault::told(trials, &names).into_iter().map(row)
    });
    format!("{}\n\n{}", table(header, rows), fault::legend(measurement))
}

fn folded(measurement: &Measurement, arm: &Arm) -> String {
    let base = base(measurement);
    let header = vec!["".to_owned(), base.name.clone(), arm.name.clone(), format!("vs {}", base.name)];
    let metrics = groups(&measurement.arms)
        .into_iter()
        .flat_map(|(group, metrics)| metrics.into_iter().map(move |(label, metric)| (group, label, metric)));
    let rows = metrics.map(|(group, label, metric)| {
        let cell = told(effect_cell(effect(measurement, arm, metric), metric));
        let unit = if metric.unit() == "1" { String::new() } else { format!(", {}", metric.unit()) };
        vec![format!("{group}: {}{unit}", label.trim()), value(base, metric), value(arm, metric), cell]
    });
    let table = table(header, rows);
    format!("<details><summary>Every metric of {} against {}</summary>\n\n{table}\n\n</details>", arm.name, base.name)
}

fn base(measurement: &Measurement) -> &Arm {
    &measurement.arms[0]
}

pub(crate) fn title(metric: Metric) -> String {
    let group = GROUPS.into_iter().find_map(|(group, metrics)| {
        let (label, _) = metrics.iter().find(|(_, known)| *known == metric)?;
        Some(format!("{group} {}", label.trim()))
    });
    format!("{}, {}", group.unwrap_or_else(|| metric.name().to_owned()), metric.unit())
}

pub(crate) fn value(arm: &Arm, metric: Metric) -> String {
    told(value_cells(arm, metric).join(" "))
}

/// A cell without the marks that a legend explains elsewhere.
pub(crate) fn told(cell: String) -> String {
    match cell.trim() {
        "*" => "too few samples".to_owned(),
        cell => cell.trim_end_matches(MissingCell::MARKS).split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn floor(measurement: &Measurement, metric: Metric) -> String {
    let null = measurement.null.iter().flat_map(|null| &null.effects).find(|effect| effect.metric == metric.name());
    null.and_then(change_of).unwrap_or_default()
}

pub(crate) fn table(header: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule = format!("|---|{}", "--:|".repeat(header.len() - 1));
    [line(&header), rule].into_iter().chain(rows.map(|row| line(&row))).collect::<Vec<_>>().join("\n")
}

/// The fatal cautions, as a list.
pub(crate) fn warnings(cautions: &[Caution]) -> String {
    let line = |one: &Caution| format!("- **{}**: **{FATAL}**: {}", one.kind, plain(&one.text));
    fatal(cautions).map(line).collect::<Vec<_>>().join("\n")
}

/// The other cautions, as a list.
pub(crate) fn cautions(cautions: &[Caution]) -> String {
    let line = |one: &Caution| format!("- **{}**: {}", one.kind, plain(&one.text));
    cautions.iter().filter(|one| !one.fatal).map(line).collect::<Vec<_>>().join("\n")
}

/// Text that no renderer takes for HTML. Text between backticks is left as it is.
pub(crate) fn plain(text: &str) -> String {
    let last = text.split('`').count() - 1;
    let is_code = |index: usize| index % 2 == 1 && index < last;
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(index, part)| if is_code(index) { part.to_owned() } else { part.replace('<', "&lt;") });
    parts.collect::<Vec<_>>().join("`")
}

/// A name from elsewhere on one line, in which no character is markup.
pub(crate) fn escaped(name: &str) -> String {
    let escape = |letter: char| match letter {
        '<' => "&lt;".to_owned(),
        '&' => "&amp;".to_owned(),
        '\n' | '\r' => " ".to_owned(),
        letter if "\\`*_{}[]()#|!~@".contains(letter) => format!("\\{letter}"),
        letter => letter.to_string(),
    };
    name.chars().map(escape).collect()
}

/// Where the figures come from, and how to read intervals and their `marks`.
fn origin(measurement: &Measurement, marks: &str) -> String {
    let (subject, environment) = (&measurement.experiment, &measurement.environment);
    let envoy = environment.envoy.as_ref().map_or_else(String::new, |version| format!(", Envoy {version}"));
    let partial = if subject.complete { "" } else { ", cut short" };
    format!(
        "<sub>{}, {}{partial}; [low, high] is a 95 % interval{marks}; meshtax {}{envoy}, {}, Linux {}, {}, {}</sub>",
        rounds(subject),
        requests(measurement),
        environment.meshtax,
        environment.system,
        environment.kernel,
        count(environment.cores.into(), "core"),
        environment.started
    )
}
