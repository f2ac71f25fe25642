use measure::{Phase, Stretch};

use super::Page;
use super::figure::Figure;
use super::table::HtmlTable;
use crate::element::Element;
use crate::figure::figure;
use crate::svg::{Anchor, Canvas, DrawingSize, Scale, rectangle};

/// The value of a stretch that one strip shows.
struct Strip {
    title: &'static str,
    unit: &'static str,
    value: fn(&Stretch) -> Option<f64>,
}

const STRIPS: [Strip; 3] = [
    Strip { title: "Median latency of a block, ms", unit: "ms", value: |stretch| stretch.latency_ms_p50 },
    Strip { title: "Cores that the arm keeps busy", unit: "cores", value: |stretch| stretch.cores },
    Strip { title: "Processors of the machine that are busy, %", unit: "%", value: |stretch| stretch.node_percent },
];
const HEAD: f64 = 26.0;
const STRIP: f64 = 120.0;
const PLOT: f64 = 78.0;
/// Approximate width of a letter in the names of phases.
const LETTER: f64 = 7.0;

/// The course of the run: every idle window and block at its time.
pub(crate) fn course(page: &Page) -> Element {
    let figure = Figure {
        id: "course".to_owned(),
        title: "Idle windows and blocks",
        note: "Each dash is an idle window or a block of one arm, as long as it took. All arms are idle at once; under \
               load they take turns in random order. Drift would show as a slope.",
        legend: Some(page.legend()),
        table: Some(table(page)),
    };
    figure.drawn(|size| draw(page, size)).class("whole")
}

/// Width of the drawing; this figure takes both columns of the page.
fn width(size: DrawingSize) -> f64 {
    match size {
        DrawingSize::Narrow => size.width(),
        DrawingSize::Wide => 1080.0,
    }
}

fn draw(page: &Page, size: DrawingSize) -> Canvas {
    let stretches = &page.curves.stretches;
    let bottom = HEAD + STRIP * STRIPS.len() as f64;
    let mut canvas = Canvas::new(width(size), bottom + 26.0);
    let end = |stretch: &Stretch| stretch.started_s + stretch.wall_s;
    let Some(last) = stretches.iter().map(end).reduce(f64::max) else { return canvas };
    let (left, right) = (42.0, width(size) - 16.0);
    let x = Scale::linear([0.0, last], [left, right]);
    phases(&mut canvas, stretches, x, bottom);
    for (tick, label) in x.labels(if size == DrawingSize::Wide { 10 } else { 4 }, "s") {
        canvas.text("tick", (x.at(tick), bottom + 14.0), Anchor::Middle, &label);
    }
    for (index, strip) in STRIPS.iter().enumerate() {
        draw_strip(page, &mut canvas, strip, x, HEAD + STRIP * index as f64, (left, right));
    }
    canvas
}

/// The phases of the run, drawn behind everything else. With several stand-ups, there are as many idle phases.
fn phases(canvas: &mut Canvas, stretches: &[Stretch], x: Scale, bottom: f64) {
    for stretches in stretches.chunk_by(|left, right| left.phase == right.phase) {
        let name = match stretches[0].phase {
            Phase::Idle | Phase::IdleWarm => "idle",
            Phase::Load => "rounds",
        };
        let last = stretches.iter().map(|stretch| stretch.started_s + stretch.wall_s).fold(0.0, f64::max);
        let (start, end) = (x.at(stretches[0].started_s), x.at(last));
        let phase = rectangle(&format!("phase {name}"), (start, 4.0), (end - start, bottom - 4.0));
        canvas.put(phase.with("data-tip", name));
        // A name wider than its phase would run into the next.
        if end - start >= name.len() as f64 * LETTER {
            canvas.text("phase-name", ((start + end) / 2.0, 18.0), Anchor::Middle, name);
        }
    }
}

fn draw_strip(page: &Page, canvas: &mut Canvas, strip: &Strip, x: Scale, top: f64, (left, right): (f64, f64)) {
    let values = page.curves.stretches.iter().filter_map(strip.value);
    let most = values.fold(0.0, f64::max);
    let y = Scale::linear([0.0, most * 1.05], [top + STRIP - 16.0, top + STRIP - 16.0 - PLOT]);
    canvas.text("strip", (left, top + 16.0), Anchor::Start, strip.title);
    let (ticks, decimals) = y.ticks(3);
    for tick in ticks {
        let class = if tick == 0.0 { "zero" } else { "grid" };
        canvas.line(class, (left, y.at(tick)), (right, y.at(tick)));
        canvas.text("tick", (left - 6.0, y.at(tick) + 4.0), Anchor::End, &format!("{tick:.decimals$}"));
    }
    for stretch in &page.curves.stretches {
        let Some(value) = (strip.value)(stretch) else { continue };
        let (start, end) = (x.at(stretch.started_s), x.at(stretch.started_s + stretch.wall_s));
        let class = format!("dash {}", page.looks.class(&stretch.arm));
        let tip = format!("{}, {}: {} {}", stretch.arm, named(stretch), figure(value, strip.unit), strip.unit);
        // A very short block would be thinner than a line.
        let dash = rectangle(&class, (start, y.at(value) - 1.8), ((end - start).max(1.2), 3.6));
        canvas.put(dash.with("data-tip", tip));
    }
}

fn named(stretch: &Stretch) -> String {
    match stretch.phase {
        Phase::Idle => format!("idle window {}", stretch.round + 1),
        Phase::IdleWarm => format!("idle window {} after the warm-up", stretch.round + 1),
        Phase::Load => format!("round {}", stretch.round + 1),
    }
}

fn table(page: &Page) -> Element {
    let titles = ["Start, s", "what", "arm", "length, s", "latency p50, ms", "cores", "machine busy, %"];
    let rows = page.curves.stretches.iter().fold(HtmlTable::new(titles), |table, stretch| {
        let told = |value: Option<f64>, unit| value.map_or_else(String::new, |value| figure(value, unit));
        let cells = [
            named(stretch),
            stretch.arm.clone(),
            figure(stretch.wall_s, "s"),
            told(stretch.latency_ms_p50, "ms"),
            told(stretch.cores, "cores"),
            told(stretch.node_percent, "%"),
        ];
        table.row(&format!("{:.2}", stretch.started_s), cells)
    });
    rows.finish("Idle windows and blocks in the order in which they began")
}
