use measure::{Metric, Recovery};

use super::Page;
use super::figure::Figure;
use super::table::HtmlTable;
use crate::calibration::{COLUMNS, judgement, recovered, summary};
use crate::element::Element;
use crate::svg::{Anchor, Canvas, DrawingSize, Scale};

const ROW: f64 = 64.0;
/// The height of a row's interval.
const MIDDLE: f64 = 48.0;

/// Known costs and the effects that were found, each as a share of the recorded cost.
pub(crate) fn calibration(page: &Page) -> Element {
    let note = format!(
        "{} An arm was given a cost that its services record themselves: the line at 100 % is that truth. The mark is what \
         the run found, with its 95 % interval; a filled mark: the interval holds the truth.",
        summary(page.measurement)
    );
    let figure = Figure {
        id: "known-costs".to_owned(),
        title: "Found against recorded",
        note: &note,
        legend: None,
        table: Some(table(page)),
    };
    figure.drawn(|size| draw(page, size))
}

fn draw(page: &Page, size: DrawingSize) -> Canvas {
    let known = &page.measurement.calibration;
    let bottom = known.len() as f64 * ROW + 4.0;
    let mut canvas = Canvas::new(size.width(), bottom + 22.0);
    let ends = known.iter().flat_map(|recovery| shares(recovery).into_iter().flatten());
    let (low, high) = ends.fold((90.0_f64, 110.0_f64), |(low, high), share| (low.min(share), high.max(share)));
    let room = (high - low) * 0.06;
    let x = Scale::linear([low - room, high + room], [14.0, size.width() - 30.0]);
    let ticks = x.labels(if size == DrawingSize::Wide { 8 } else { 5 }, "%");
    for (tick, label) in &ticks {
        canvas.text("tick", (x.at(*tick), bottom + 15.0), Anchor::Middle, label);
    }
    for (index, recovery) in known.iter().enumerate() {
        let top = index as f64 * ROW;
        for (tick, _) in &ticks {
            upright(&mut canvas, "grid", x.at(*tick), top);
        }
        upright(&mut canvas, "truth", x.at(100.0), top);
        draw_row(page, &mut canvas, x, recovery, top);
    }
    canvas
}

/// A vertical line through a row's interval, below its words.
fn upright(canvas: &mut Canvas, class: &str, x: f64, top: f64) {
    canvas.line(class, (x, top + 38.0), (x, top + MIDDLE + 11.0));
}

fn draw_row(page: &Page, canvas: &mut Canvas, x: Scale, recovery: &Recovery, top: f64) {
    let [arm, metric, truth, found, verdict] = recovered(recovery);
    canvas.text("label", (4.0, top + 16.0), Anchor::Start, &format!("{arm}, {}: {verdict}", spelled(&metric)));
    canvas.text("tick", (4.0, top + 32.0), Anchor::Start, &format!("recorded {truth}, found {found}"));
    let middle = top + MIDDLE;
    let class = page.looks.class(&recovery.arm);
    let Some([point, low, high]) = shares(recovery) else { return };
    canvas.line(&format!("whisker {class}"), (x.at(low), middle), (x.at(high), middle));
    let more = if recovery.inside == Some(true) { "" } else { "open" };
    page.looks.mark(canvas, &recovery.arm, (x.at(point), middle), more, &format!("{arm}: {found}"));
}

/// The found effect and the ends of its interval, in percent of the truth; `None` without a truth.
fn shares(recovery: &Recovery) -> Option<[f64; 3]> {
    let found = recovery.difference.filter(|_| recovery.truth != 0.0)?;
    let [low, high] = recovery.difference_ci95.unwrap_or([found; 2]);
    Some([found, low, high].map(|value| value / recovery.truth * 100.0))
}

/// The name of a metric on the page.
fn spelled(metric: &str) -> &str {
    match metric {
        _ if metric == Metric::LatencyMsMean.name() => "mean latency",
        _ if metric == Metric::CpuMsPerRequest.name() => "CPU per request",
        other => other,
    }
}

fn table(page: &Page) -> Element {
    let mut columns = COLUMNS;
    columns[4] = "its interval";
    let rows = page.measurement.calibration.iter().fold(HtmlTable::new(columns), |table, recovery| {
        let [arm, metric, truth, found, _] = recovered(recovery);
        let judged = match recovery.inside {
            Some(true) => "holds the recorded cost",
            Some(false) => "does NOT hold the recorded cost",
            None => judgement(recovery),
        };
        table.row(&arm, [&metric, &truth, &found, judged])
    });
    rows.finish(
        "Known costs: what the services recorded beyond the baseline's record, and the effect with its interval",
    )
}
