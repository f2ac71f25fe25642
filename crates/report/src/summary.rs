use measure::{Arm, Caution, Measurement, Metric, Signal, Subject, sidecar_use};

use crate::answer::answer;
use crate::calibration::calibration;
use crate::caution::{FATAL, fatal};
use crate::comparison::effect;
use crate::fault::faults;
use crate::figure::{concurrency, difference_beside, figure, requests, rounds};
use crate::gap::MissingCell;
use crate::grid::{GridColumn, grid};
use crate::interval::{difference_of, marked};
use crate::paired::Paired;
use crate::paragraph::{WIDTH, paragraph};
use crate::telemetry::{cell, title};
use crate::truncated::truncated;
use crate::verdict::{margin_percent, spelled};

/// The most lines of a summary of up to three arms.
const LINES_MAX: usize = 40;

/// Number of arms beside the baseline that have rows of their own. Each further arm has one line.
const ARMS_IN_ROWS: usize = 2;

/// The fewest cautions that are named, however long the rest is.
const CAUTIONS_MIN: usize = 2;

/// A run on one screen: fatal cautions, the answer, the most important figures, what each arm shows, and the other
/// cautions in one line each. `folder` is the run folder.
///
/// At most 40 lines of 80 columns for up to three arms, and one more for each further arm. Known costs, faults and cut
/// latencies add lines of their own.
pub fn summary(measurement: &Measurement, folder: &str) -> String {
    let [before, after] = [
        [warnings(&measurement.cautions), calibration(measurement), answer(measurement)],
        [figures(measurement) + &truncated(measurement), seen(measurement), faults(measurement)],
    ];
    let parts: Vec<String> = before.into_iter().chain([subject(measurement)]).chain(after).collect();
    let ending = format!(
        "{folder}/ has everything. `meshtax report {folder} --full` prints all figures;\n\
                          {folder}/report.html shows them.\n"
    );
    let parts = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
    let left = LINES_MAX.saturating_sub(parts.lines().count() + ending.lines().count() + 2);
    let cautions = cautions(&measurement.cautions, left);
    [parts, cautions, ending].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The experiment in a line or two.
fn subject(measurement: &Measurement) -> String {
    let subject = &measurement.experiment;
    let partial = if subject.complete { "" } else { "; cut short: these results are partial" };
    let margin = margin_percent(&measurement.effects).map_or_else(String::new, |margin| format!(", margin {margin} %"));
    let (name, rounds, requests) = (&subject.name, rounds(subject), requests(measurement));
    paragraph(&format!("{name}: {rounds}, {requests}, {}, 95 % intervals{margin}{partial}", concurrency(subject)), 2)
}

/// The figures of each arm beside the baseline's.
fn figures(measurement: &Measurement) -> String {
    let Some((base, others)) = measurement.arms.split_first() else { return String::new() };
    let (in_rows, further) = others.split_at(others.len().min(ARMS_IN_ROWS));
    let rows: Vec<Vec<String>> = match in_rows {
        [] => alone(measurement, base),
        arms => arms.iter().flat_map(|arm| rows(measurement, base, arm)).collect(),
    };
    let further: String = further.iter().map(|arm| in_a_line(measurement, base, arm)).collect();
    let sidecars: String = others.iter().filter_map(|arm| sidecars(&measurement.experiment, arm)).collect();
    grid(&COLUMNS, rows) + &further + &sidecars
}

const COLUMNS: [GridColumn; 5] =
    [GridColumn::RIGHT, GridColumn::RIGHT, GridColumn::LEFT, GridColumn::RIGHT, GridColumn::LEFT];

/// The metrics of a summary, each with its label.
fn metrics(measurement: &Measurement, base: &Arm, arm: &Arm) -> [(&'static str, Metric); 4] {
    let paired = Paired::of(measurement, base, arm);
    [
        ("p50, ms", Metric::LatencyMsP50),
        ("p90, ms", Metric::LatencyMsP90),
        ("CPU/request, ms", paired.cpu),
        ("memory, MiB", paired.memory),
    ]
}

fn alone(measurement: &Measurement, base: &Arm) -> Vec<Vec<String>> {
    let heading = vec![String::new(), base.name.clone()];
    let rows = metrics(measurement, base, base).map(|(label, metric)| vec![label.to_owned(), value(base, metric)]);
    std::iter::once(heading).chain(rows).collect()
}

fn rows(measurement: &Measurement, base: &Arm, arm: &Arm) -> Vec<Vec<String>> {
    let heading = ["", &base.name, &arm.name, "added", "null", "verdict"].map(str::to_owned).to_vec();
    let row = |(label, metric): (&str, Metric)| {
        let null = null(measurement, arm, metric).unwrap_or_else(|| "-".to_owned());
        let verdict = verdict(measurement, arm, metric).unwrap_or("-");
        let added = added(measurement, arm, metric);
        vec![label.to_owned(), value(base, metric), value(arm, metric), added, null, verdict.to_owned()]
    };
    std::iter::once(heading).chain(metrics(measurement, base, arm).map(row)).collect()
}

fn value(arm: &Arm, metric: Metric) -> String {
    let value = arm.metrics.get(metric.name()).and_then(|value| value.value);
    value.map_or_else(|| MissingCell::Figure.mark().to_owned(), |value| figure(value, metric.unit()))
}

fn added(measurement: &Measurement, arm: &Arm, metric: Metric) -> String {
    let told = effect(measurement, arm, metric).and_then(|effect| {
        let told = difference_of_arm(arm, metric, effect.difference?, effect.difference_ci95)?;
        Some(marked(told, effect.units))
    });
    told.unwrap_or_else(|| MissingCell::Figure.mark().to_owned())
}

/// The difference of the baseline's copy, if the run had one.
fn null(measurement: &Measurement, arm: &Arm, metric: Metric) -> Option<String> {
    let null = measurement.null.as_ref()?.effects.iter().find(|effect| effect.metric == metric.name())?;
    difference_of_arm(arm, metric, null.difference?, None)
}

fn difference_of_arm(arm: &Arm, metric: Metric, difference: f64, ends: Option<[f64; 2]>) -> Option<String> {
    let value = arm.metrics.get(metric.name())?.value?;
    Some(difference_beside(value, difference, ends, metric.unit()))
}

/// The verdict on a difference. CPU time with the client's proxy has the verdict of CPU time without it; memory has
/// none.
fn verdict(measurement: &Measurement, arm: &Arm, metric: Metric) -> Option<&'static str> {
    let judged = match metric {
        Metric::CpuWithClientProxyMsPerRequest => Metric::CpuMsPerRequest,
        metric => metric,
    };
    effect(measurement, arm, judged)?.verdict.map(spelled)
}

/// One line for an arm without rows: what it adds to the median latency and to CPU time.
fn in_a_line(measurement: &Measurement, base: &Arm, arm: &Arm) -> String {
    let cpu = Paired::of(measurement, base, arm).cpu;
    let added = |metric: Metric| difference_of(effect(measurement, arm, metric)?, metric.unit());
    let [p50, cpu] = [Metric::LatencyMsP50, cpu]
        .map(|metric| added(metric).unwrap_or_else(|| MissingCell::Figure.mark().to_owned()));
    cut(&format!("{} adds {p50} to p50, {cpu} of CPU per request", arm.name))
}

/// The CPU time and memory of one sidecar of an arm.
fn sidecars(subject: &Subject, arm: &Arm) -> Option<String> {
    let used = sidecar_use(arm)?;
    let [cpu, memory] = [figure(used.cpu_s_per_1000_requests, "s"), figure(used.memory_mib, "MiB")];
    let name = if arm.name == "sidecar" { String::new() } else { format!("{}: ", arm.name) };
    Some(cut(&format!(
        "{name}each of {} sidecars: {cpu} s of CPU per 1,000 requests ({}), {memory} MiB",
        used.sidecars,
        concurrency(subject)
    )))
}

/// The signals that each arm shows. Arms without signals are left out.
fn seen(measurement: &Measurement) -> String {
    let of_arm = |arm: &Arm| {
        let signals = Signal::ALL.into_iter().filter(|signal| cell(measurement, &arm.name, *signal) != "-");
        let signals: Vec<&str> = signals.map(title).collect();
        (!signals.is_empty()).then(|| paragraph(&format!("{} shows: {}", arm.name, signals.join(", ")), 2))
    };
    measurement.arms.iter().filter_map(of_arm).collect()
}

/// The fatal cautions, each in lines of its own, the first ones in full.
fn warnings(all: &[Caution]) -> String {
    let told = fatal(all).enumerate().map(|(index, one)| {
        let told = format!("caution {}: {FATAL}: {}", one.kind, one.text);
        if index == 0 { paragraph(&told, 2) } else { cut(&told) }
    });
    told.collect()
}

/// The other cautions, one line each, as many as there is room for.
fn cautions(all: &[Caution], lines: usize) -> String {
    let others: Vec<&Caution> = all.iter().filter(|caution| !caution.fatal).collect();
    let shown = if others.len() <= lines { others.len() } else { lines.saturating_sub(1).max(CAUTIONS_MIN) };
    let told: String =
        others.iter().take(shown).map(|one| cut(&format!("caution {}: {}", one.kind, one.text))).collect();
    match others.len().saturating_sub(shown) {
        0 => told,
        more => told + &format!("{more} more cautions: see `--full`\n"),
    }
}

/// A sentence cut to one line.
fn cut(text: &str) -> String {
    if text.chars().count() <= WIDTH {
        return format!("{text}\n");
    }
    let fitting: String = text.chars().take(WIDTH - 1).collect();
    let whole = fitting.rsplit_once(' ').map_or(&*fitting, |(whole, _)| whole);
    format!("{}…\n", whole.trim_end_matches([',', ';', ':', '(']))
}

#[cfg(test)]
mod tests;
