use measure::{Measurement, Recovery};

use crate::figure::{count, difference};
use crate::grid::{Column, grid};
use crate::paragraph::paragraph;

/// Known costs beside what the effects make of them: a sentence and a table. Empty where no arm was given one.
pub fn calibration(run: &Measurement) -> String {
    let judged = run.calibration.iter().filter_map(|recovery| recovery.inside);
    let (inside, all) = judged.fold((0, 0), |(inside, all), is_inside| (inside + u32::from(is_inside), all + 1));
    if run.calibration.is_empty() {
        return String::new();
    }
    let sentence = format!("{inside} of {} lie inside their 95 % interval.", count(all, "known cost"));
    let heading = ["Arm", "metric", "recorded", "found", ""].map(str::to_owned).to_vec();
    let rows = std::iter::once(heading).chain(run.calibration.iter().map(row));
    paragraph(&sentence, 2) + "\n" + &grid(&[Column::LEFT, Column::RIGHT, Column::RIGHT, Column::LEFT], rows)
}

fn row(recovery: &Recovery) -> Vec<String> {
    let verdict = match recovery.inside {
        Some(true) => "inside",
        Some(false) => "OUTSIDE",
        None => "no interval",
    };
    let found = recovery.difference.map_or_else(String::new, |found| difference(found, recovery.difference_ci95, "ms"));
    vec![
        recovery.arm.clone(),
        recovery.metric.clone(),
        difference(recovery.truth, None, "ms"),
        found,
        verdict.to_owned(),
    ]
}
