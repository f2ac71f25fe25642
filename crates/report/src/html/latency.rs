use measure::{ArmCurves, Quantile};

use super::Page;
use super::figure::Figure;
use super::look::is_null;
use super::table::HtmlTable;
use crate::element::{Element, element};
use crate::figure::figure;
use crate::svg::{Anchor, Canvas, DrawingSize, Scale};

/// Quantiles that the axis names and the table lists.
const NAMED: [(f64, &str); 8] = [
    (0.0, "fastest"),
    (0.5, "p50"),
    (0.75, "p75"),
    (0.9, "p90"),
    (0.95, "p95"),
    (0.99, "p99"),
    (0.999, "p99.9"),
    (0.9999, "p99.99"),
];
/// The end of the distribution's axis. Slower requests are the tail, which latency by percentile shows.
const SHARE_MAX: f64 = 0.99;
const HEIGHT: f64 = 286.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 262.0;

/// Latency by percentile, with the axis stretched towards the tail.
pub(crate) fn percentiles(page: &Page) -> Element {
    let figure = Figure {
        id: "percentiles".to_owned(),
        title: "Latency by percentile",
        note: "How long all but the slowest requests took. Each further nine of the percentile has the same width; a \
               curve ends where fewer than ten requests are slower.",
        legend: Some(page.legend()),
        table: Some(percentile_table(page)),
    };
    let most =
        |of: fn(&Quantile) -> f64| page.curves.arms.iter().flat_map(|arm| &arm.percentiles).map(of).fold(0.0, f64::max);
    let (top_ms, last_q) = (most(|point| point.ms), most(|point| point.q));
    figure.drawn(|size| {
        let (mut canvas, left, right) = empty(size);
        let y = Scale::linear([0.0, top_ms * 1.04], [BOTTOM, TOP]);
        let x = Scale::linear([0.0, nines(last_q).max(1.0)], [left, right]);
        across(&mut canvas, y, (left, right), "ms");
        let marks: Vec<f64> = NAMED.iter().map(|(q, _)| nines(*q)).collect();
        let chosen = x.choose(&marks, 1.0, 34.0);
        for mark in &chosen {
            let name = NAMED.iter().find(|(q, _)| nines(*q) == *mark).map_or("", |(_, name)| name);
            down(&mut canvas, x.at(*mark), name);
        }
        if last_q > 0.9 && chosen.iter().all(|mark| (x.at(*mark) - right).abs() > 34.0) {
            down(&mut canvas, right, &format!("p{:.1}", last_q * 100.0));
        }
        for arm in in_front_of_the_floor(page) {
            curve(page, &mut canvas, arm, &arm.percentiles, |point| (x.at(nines(point.q)), y.at(point.ms)));
        }
        canvas
    })
}

/// The share of requests by their longest latency.
pub(crate) fn distribution(page: &Page) -> Element {
    let figure = Figure {
        id: "distribution".to_owned(),
        title: "Distribution of latency",
        note: "Share of the requests that took at most this long: the further left a curve, the faster the arm. The axis is \
               logarithmic and ends at the slowest arm's p99.",
        legend: Some(page.legend()),
        table: Some(distribution_table(page)),
    };
    let shown = |arm: &ArmCurves| -> Vec<Quantile> {
        arm.distribution.iter().copied().filter(|point| point.q <= SHARE_MAX && point.ms > 0.0).collect()
    };
    let ends = page.curves.arms.iter().flat_map(shown).map(|point| point.ms);
    let (low, high) = ends.fold((f64::INFINITY, 0.0_f64), |(low, high), ms| (low.min(ms), high.max(ms)));
    figure.drawn(|size| {
        let (mut canvas, left, right) = empty(size);
        if high <= 0.0 {
            return canvas;
        }
        let y = Scale::linear([0.0, 100.0], [BOTTOM, TOP]);
        let x = Scale::logarithmic([low / 1.05, high * 1.05], [left, right]);
        across(&mut canvas, y, (left, right), "%");
        for mark in x.choose(&decades(), (low * high).sqrt(), 40.0) {
            down(&mut canvas, x.at(mark), &format!("{} ms", short(mark)));
        }
        for arm in in_front_of_the_floor(page) {
            curve(page, &mut canvas, arm, &shown(arm), |point| (x.at(point.ms), y.at(point.q * 100.0)));
        }
        canvas
    })
}

/// A canvas with room for axes, and the ends of the axes.
fn empty(size: DrawingSize) -> (Canvas, f64, f64) {
    (Canvas::new(size.width(), HEIGHT), 52.0, size.width() - 14.0)
}

/// Ticks of the vertical axis.
fn across(canvas: &mut Canvas, y: Scale, (left, right): (f64, f64), unit: &str) {
    for (tick, label) in y.labels(5, unit) {
        let class = if tick == 0.0 { "zero" } else { "grid" };
        canvas.line(class, (left, y.at(tick)), (right, y.at(tick)));
        canvas.text("tick", (left - 6.0, y.at(tick) + 4.0), Anchor::End, &label);
    }
}

fn down(canvas: &mut Canvas, x: f64, label: &str) {
    canvas.line("grid", (x, TOP), (x, BOTTOM));
    canvas.text("tick", (x, BOTTOM + 18.0), Anchor::Middle, label);
}

/// The arms in drawing order: first the baseline's copy, which lies behind the baseline.
fn in_front_of_the_floor<'a>(page: &'a Page) -> Vec<&'a ArmCurves> {
    let mut arms: Vec<&ArmCurves> = page.curves.arms.iter().collect();
    arms.sort_by_key(|arm| !is_null(page.measurement, &arm.name));
    arms
}

fn curve(page: &Page, canvas: &mut Canvas, arm: &ArmCurves, points: &[Quantile], at: impl Fn(&Quantile) -> (f64, f64)) {
    let class = page.looks.class(&arm.name);
    canvas.path(&format!("curve {class}"), &points.iter().map(&at).collect::<Vec<_>>());
    for point in points.iter().step_by(5) {
        let tip = format!("{}: {} % within {} ms", arm.name, short(point.q * 100.0), figure(point.ms, "ms"));
        let (x, y) = at(point);
        canvas.put(
            element("circle")
                .class(&format!("dot {class}"))
                .at([("cx", x), ("cy", y), ("r", 7.0)])
                .with("data-tip", tip),
        );
    }
    // One mark per curve, each at another place, for readers who cannot distinguish colours or dashes.
    let (number, arms) = (page.arm_names().position(|name| name == arm.name).unwrap_or(0), page.curves.arms.len());
    if let Some(point) = points.get(points.len() * (2 * number + 1) / (2 * arms.max(1))) {
        page.looks.mark(canvas, &arm.name, at(point), "", &arm.name);
    }
}

/// Number of nines of a quantile: 1 for p90, 2 for p99.
fn nines(q: f64) -> f64 {
    -(1.0 - q).log10()
}

fn decades() -> Vec<f64> {
    (-3..6).flat_map(|power| [1.0, 2.0, 5.0].map(|times| times * 10_f64.powi(power))).collect()
}

/// A number without trailing zeros.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn percentile_table(page: &Page) -> Element {
    let arms = &page.curves.arms;
    let mut table = HtmlTable::new(std::iter::once("Percentile").chain(arms.iter().map(|arm| arm.name.as_str())));
    for (q, name) in NAMED {
        let cell = |arm: &ArmCurves| {
            let known = arm.percentiles.last().is_some_and(|last| last.q >= q - 1e-9);
            let point = arm.percentiles.iter().min_by(|a, b| (a.q - q).abs().total_cmp(&(b.q - q).abs()));
            point.filter(|_| known).map_or_else(|| "too few requests".to_owned(), |point| figure(point.ms, "ms"))
        };
        table = table.row(name, arms.iter().map(cell));
    }
    table.finish("Latency in milliseconds, read from the curves")
}

fn distribution_table(page: &Page) -> Element {
    let arms = &page.curves.arms;
    let mut table = HtmlTable::new(std::iter::once("Share").chain(arms.iter().map(|arm| arm.name.as_str())));
    for share in [1, 10, 25, 50, 75, 90, 95, 99] {
        let cell =
            |arm: &ArmCurves| arm.distribution.get(share * 2).map_or_else(String::new, |point| figure(point.ms, "ms"));
        table = table.row(&format!("{share} %"), arms.iter().map(cell));
    }
    table.finish("Latency in milliseconds that this share of the requests did not exceed")
}
