use std::collections::BTreeMap;

use measure::Metric;

use super::Page;
use super::figure::Figure;
use super::table::HtmlTable;
use crate::element::Element;
use crate::figure::figure;
use crate::svg::{Anchor, Canvas, DrawingSize, Scale};

const HEIGHT: f64 = 192.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 168.0;

/// One primary metric, round by round: the pairs behind the interval.
pub(crate) fn rounds(page: &Page, title: &str, metric: Metric) -> Element {
    let figure = Figure {
        id: format!("rounds-{}", metric.name().replace('_', "-")),
        title,
        note: "Each round has one value of every arm; a line joins those that are compared.",
        legend: Some(page.legend()),
        table: Some(table(page, metric)),
    };
    figure.drawn(|size| draw(page, metric, size))
}

type Arms<'a> = Vec<(&'a str, &'a BTreeMap<u32, f64>)>;

fn values<'a>(page: &'a Page, metric: Metric) -> Arms<'a> {
    let arms = page.curves.arms.iter();
    arms.filter_map(|arm| Some((arm.name.as_str(), arm.rounds.get(metric.name())?))).collect()
}

fn draw(page: &Page, metric: Metric, size: DrawingSize) -> Canvas {
    let mut canvas = Canvas::new(size.width(), HEIGHT);
    let arms = values(page, metric);
    let all = || arms.iter().flat_map(|(_, rounds)| rounds.iter());
    let (low, high) =
        all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, value)| (low.min(*value), high.max(*value)));
    let Some(last) = all().map(|(round, _)| *round).max() else { return canvas };
    let (left, right) = (52.0, size.width() - 12.0);
    let room = (high - low) * 0.06;
    let y = Scale::linear([low - room, high + room], [BOTTOM, TOP]);
    let x = Scale::linear([0.5, f64::from(last) + 1.5], [left, right]);
    axes(&mut canvas, x, y, (left, right), metric.unit(), last);
    canvas.text("unit", (left - 6.0, BOTTOM + 16.0), Anchor::End, "round");
    for round in 0..=last {
        let here = arms.iter().filter_map(|(_, rounds)| rounds.get(&round));
        let (low, high) =
            here.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
        if low < high {
            let x = x.at(f64::from(round) + 1.0);
            canvas.line("pair", (x, y.at(low)), (x, y.at(high)));
        }
    }
    for (arm, rounds) in &arms {
        for (round, value) in *rounds {
            let at = (x.at(f64::from(*round) + 1.0), y.at(*value));
            let tip = format!("{arm}, round {}: {} {}", round + 1, figure(*value, metric.unit()), metric.unit());
            page.looks.mark(&mut canvas, arm, at, "", &tip);
        }
    }
    canvas
}

fn axes(canvas: &mut Canvas, x: Scale, y: Scale, (left, right): (f64, f64), unit: &str, last: u32) {
    for (tick, label) in y.labels(5, unit) {
        canvas.line("grid", (left, y.at(tick)), (right, y.at(tick)));
        canvas.text("tick", (left - 6.0, y.at(tick) + 4.0), Anchor::End, &label);
    }
    canvas.line("zero", (left, BOTTOM), (right, BOTTOM));
    let numbers: Vec<f64> = (1..=last + 1).map(f64::from).collect();
    for number in x.choose(&numbers, 1.0, 26.0) {
        canvas.text("tick", (x.at(number), BOTTOM + 16.0), Anchor::Middle, &format!("{number:.0}"));
    }
}

fn table(page: &Page, metric: Metric) -> Element {
    let arms = values(page, metric);
    let mut table = HtmlTable::new(std::iter::once("Round").chain(arms.iter().map(|(name, _)| *name)));
    let last = arms.iter().filter_map(|(_, rounds)| rounds.keys().next_back()).max();
    for round in last.map_or(0..0, |last| 0..last + 1) {
        let cell = |(_, rounds): &(_, &BTreeMap<u32, f64>)| {
            rounds.get(&round).map_or_else(String::new, |value| figure(*value, metric.unit()))
        };
        table = table.row(&(round + 1).to_string(), arms.iter().map(cell));
    }
    table.finish(&format!("{} ({})", metric.meaning().trim_end_matches('.'), metric.unit()))
}
