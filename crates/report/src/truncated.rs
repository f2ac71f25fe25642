use measure::{Measurement, TruncatedArm};

use crate::figure::{change, figure};
use crate::grid::{GridColumn, grid};
use crate::paragraph::paragraph;

/// The columns of each arm beside its name.
pub(crate) const COLUMNS: [&str; 4] = ["mean, ms", "total wait, s", "change", "as measured, ms"];

/// Latencies as a client would report them that cuts them to whole steps, one row per arm. Empty unless asked for.
pub(crate) fn truncated(measurement: &Measurement) -> String {
    if measurement.truncated.is_none() {
        return String::new();
    }
    let header = std::iter::once(title(measurement)).chain(COLUMNS.map(str::to_owned)).collect();
    let rows = rows(measurement).map(|(arm, cells)| std::iter::once(format!("  {arm}")).chain(cells).collect());
    grid(&[GridColumn::RIGHT; 4], std::iter::once(header).chain(rows)) + &paragraph(LEGEND, 2)
}

/// The meaning of the figures.
pub(crate) const LEGEND: &str = "cut: each latency rounded down to whole steps, as some clients do; no verdict";

/// The title, such as `Cut to 1 ms`.
pub(crate) fn title(measurement: &Measurement) -> String {
    measurement.truncated.as_ref().map_or_else(String::new, |told| format!("Cut to {} ms", told.step_ms))
}

/// Each arm with a cell for each of [`COLUMNS`].
pub(crate) fn rows(measurement: &Measurement) -> impl Iterator<Item = (&str, [String; 4])> {
    let arms = measurement.truncated.iter().flat_map(|told| &told.arms);
    arms.map(|arm| (arm.arm.as_str(), cells(arm)))
}

fn cells(arm: &TruncatedArm) -> [String; 4] {
    let told = |value: Option<f64>, unit| value.map_or_else(|| "not kept".to_owned(), |value| figure(value, unit));
    let ratio = arm.ratio.map_or_else(String::new, |ratio| change(ratio, None));
    [told(arm.latency_ms_mean, "ms"), told(arm.wait_s_total, "s"), ratio, told(arm.exact_ms_mean, "ms")]
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use measure::Truncated;

    use super::*;
    use crate::tests::run::{NONE, SIDECAR, run};

    #[test]
    fn what_a_client_would_have_told_that_cuts() {
        let mut run = run(&[("none", &NONE), ("sidecar", &SIDECAR)], 10, 0.02);
        assert_eq!(truncated(&run), "");
        let arm = |name: &str, mean_ms: Option<f64>, ratio| TruncatedArm {
            arm: name.to_owned(),
            requests: 1500,
            wait_s_total: mean_ms.map(|mean_ms| mean_ms * 1.5),
            latency_ms_mean: mean_ms,
            exact_ms_mean: mean_ms.map(|mean_ms| mean_ms + 0.484),
            ratio,
        };
        let arms = vec![arm("none", Some(1.5), None), arm("sidecar", Some(5.7), Some(3.8)), arm("long", None, None)];
        run.truncated = Some(Truncated { step_ms: 1.0, arms });
        assert_snapshot!(truncated(&run), @"
        Cut to 1 ms  mean, ms  total wait, s  change  as measured, ms
          none           1.50           2.25                     1.98
          sidecar        5.70           8.55  +280 %             6.18
          long       not kept       not kept                 not kept
        cut: each latency rounded down to whole steps, as some clients do; no verdict
        ");
    }
}
