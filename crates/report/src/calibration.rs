use measure::{Measurement, Metric, Recovery};

use crate::figure::{count, difference};
use crate::grid::{GridColumn, grid};
use crate::interval::marked;
use crate::paragraph::paragraph;

/// The columns for each known cost.
pub(crate) const COLUMNS: [&str; 5] = ["Arm", "metric", "recorded", "found", ""];

/// Known costs and the effects that were found, as a sentence and a table. Empty if no arm has a known cost.
pub fn calibration(run: &Measurement) -> String {
    if run.calibration.is_empty() {
        return String::new();
    }
    let heading = COLUMNS.map(str::to_owned).to_vec();
    let rows = std::iter::once(heading).chain(run.calibration.iter().map(|recovery| recovered(recovery).into()));
    paragraph(&summary(run), 2)
        + "\n"
        + &grid(&[GridColumn::LEFT, GridColumn::RIGHT, GridColumn::RIGHT, GridColumn::LEFT], rows)
}

/// Says how many of the known costs lie inside their intervals.
pub(crate) fn summary(run: &Measurement) -> String {
    let judged = run.calibration.iter().filter_map(|recovery| recovery.inside);
    let (inside, all) = judged.fold((0, 0), |(inside, all), is_inside| (inside + u32::from(is_inside), all + 1));
    format!("{inside} of {} lie inside their 95 % interval.", count(all, "known cost"))
}

/// One known cost, a cell for each of [`COLUMNS`].
pub(crate) fn recovered(recovery: &Recovery) -> [String; 5] {
    let unit = unit(recovery);
    let found = recovery.difference.map_or_else(String::new, |found| difference(found, recovery.difference_ci95, unit));
    let found = marked(found, recovery.units);
    [
        recovery.arm.clone(),
        recovery.metric.clone(),
        difference(recovery.truth, None, unit),
        found,
        judgement(recovery).to_owned(),
    ]
}

/// Says whether the truth lies in the interval.
pub(crate) fn judgement(recovery: &Recovery) -> &'static str {
    match recovery.inside {
        Some(true) => "inside",
        Some(false) => "OUTSIDE",
        None => "no interval",
    }
}

/// The unit of the metric.
pub(crate) fn unit(recovery: &Recovery) -> &'static str {
    let metric = Metric::ALL.into_iter().find(|metric| metric.name() == recovery.metric);
    metric.map_or("", Metric::unit)
}
