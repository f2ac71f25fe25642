use measure::{Arm, Effect, Measurement, Metric, Value};

use crate::figure::{figure, units};
use crate::gap::MissingCell;
use crate::grid::{GridColumn, grid};
use crate::group::{MetricRow, groups, meanings};
use crate::interval::{change_of, difference_of, mark_meaning};
use crate::paragraph::paragraph;

/// The effect of an arm on a metric, compared with the baseline.
pub(crate) fn effect<'a>(measurement: &'a Measurement, arm: &Arm, metric: Metric) -> Option<&'a Effect> {
    measurement.effects.iter().find(|effect| effect.arm == arm.name && effect.metric == metric.name())
}

/// Every metric of every arm beside the baseline's: one table per arm, then the meaning of its marks.
pub(crate) fn comparison(measurement: &Measurement) -> String {
    let tables: Vec<String> = match measurement.arms.split_first() {
        None => Vec::new(),
        Some((base, [])) => vec![table(measurement, base, None)],
        Some((base, others)) => others.iter().map(|arm| table(measurement, base, Some(arm))).collect(),
    };
    let tables = tables.join("\n");
    let legend = legend(measurement, &tables);
    format!("{tables}\n{legend}")
}

fn table(measurement: &Measurement, base: &Arm, other: Option<&Arm>) -> String {
    let mut header = vec![String::new(), base.name.clone(), String::new()];
    let mut columns = vec![GridColumn::RIGHT, GridColumn::BESIDE];
    if let Some(arm) = other {
        header.extend([arm.name.clone(), String::new(), format!("vs {}", base.name)]);
        columns.extend([GridColumn::RIGHT, GridColumn::BESIDE, GridColumn::LEFT]);
    }
    let mut rows = vec![header];
    for (group, metrics) in groups(&measurement.arms) {
        rows.push(vec![group.to_owned()]);
        rows.extend(metrics.into_iter().map(|metric| row(measurement, base, other, metric)));
    }
    grid(&columns, rows)
}

fn row(measurement: &Measurement, base: &Arm, other: Option<&Arm>, (label, metric): MetricRow) -> Vec<String> {
    let label = match metric.unit() {
        "1" => format!("  {label}"),
        unit => format!("  {label}, {unit}"),
    };
    let mut row = vec![label];
    row.extend(value_cells(base, metric));
    if let Some(arm) = other {
        row.extend(value_cells(arm, metric));
        row.push(effect_cell(effect(measurement, arm, metric), metric));
    }
    row
}

/// A figure, and its spread.
pub(crate) fn value_cells(arm: &Arm, metric: Metric) -> [String; 2] {
    let value = arm.metrics.get(metric.name());
    let Some(number) = value.and_then(|value| value.value) else {
        return [MissingCell::Figure.mark().to_owned(), String::new()];
    };
    let spread = value.and_then(|value| spread_percent(value, metric));
    [figure(number, metric.unit()), spread.map_or_else(String::new, |percent| format!("± {percent:>2.0} %"))]
}

/// The standard deviation in percent of the figure; `None` for a figure of zero, and for totals and maxima, for which
/// earlier runs recorded the spread of single blocks.
fn spread_percent(value: &Value, metric: Metric) -> Option<f64> {
    let figure = value.value.filter(|figure| *figure != 0.0)?;
    match metric {
        Metric::Requests | Metric::Errors | Metric::WaitSTotal | Metric::CpuSTotal | Metric::CpuPeakCores => None,
        _ => Some((value.stddev? / figure).abs() * 100.0),
    }
}

/// The change in percent or, if the baseline is zero, the difference.
pub(crate) fn effect_cell(effect: Option<&Effect>, metric: Metric) -> String {
    let Some((effect, amount)) = effect.and_then(|effect| Some((effect, effect.difference?))) else {
        return MissingCell::Figure.mark().to_owned();
    };
    if amount == 0.0 && effect.difference_ci95.is_none_or(|ends| ends == [0.0; 2]) {
        return "same".to_owned();
    }
    let ends = if effect.ratio.is_some() { effect.ratio_ci95 } else { effect.difference_ci95 };
    let told = change_of(effect).or_else(|| difference_of(effect, metric.unit())).unwrap_or_default();
    if ends.is_some() { told } else { format!("{told} {}", MissingCell::of_interval(effect, metric).mark()) }
}

/// The meaning of the signs that appear in the tables.
fn legend(measurement: &Measurement, tables: &str) -> String {
    let mut legend: String = meanings(&measurement.arms).into_iter().map(|meaning| paragraph(meaning, 2)).collect();
    if tables.contains('±') {
        let load = samples(measurement, Metric::CpuMsPerRequest).map(|blocks| format!("under load: {blocks} blocks"));
        let idle = samples(measurement, Metric::MemoryIdleMib).map(|windows| format!("idle: {windows} windows"));
        let over: Vec<String> = load.into_iter().chain(idle).collect();
        let whose = "none for totals, maxima, and quantiles with too few requests per block";
        legend += &paragraph(&format!("± standard deviation ({}); {whose}", over.join("; ")), 2);
    }
    if tables.contains('[') {
        let over = match measurement.experiment.stands {
            None => "rounds of this stand-up paired",
            Some(_) => "rounds or windows paired, over stand-ups of the lab",
        };
        legend += &paragraph(&format!("[low, high] 95 % interval, {over}"), 2);
    }
    let (_, unit) = units(&measurement.experiment);
    legend += &mark_meaning(tables, &format!("{unit}s")).map_or_else(String::new, |meaning| paragraph(&meaning, 2));
    for gap in MissingCell::ALL.into_iter().filter(|gap| tables.contains(gap.mark())) {
        legend += &paragraph(&format!("{} {}", gap.mark(), gap.reason(&measurement.experiment)), 2);
    }
    legend
}

/// The number of samples behind a metric of the arms with a spread: `10`, or `9 to 10` if they differ.
fn samples(measurement: &Measurement, metric: Metric) -> Option<String> {
    let values = measurement.arms.iter().filter_map(|arm| arm.metrics.get(metric.name()));
    let counts = values.filter(|value| value.stddev.is_some()).map(|value| value.count);
    let (least, most) = (counts.clone().min()?, counts.max()?);
    Some(if least == most { least.to_string() } else { format!("{least} to {most}") })
}
