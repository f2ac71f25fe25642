use measure::{Arm, Effect, Metric, ROUNDS_EXACT};

use super::Page;
use super::figure::Figure;
use super::look::null_effect;
use super::table::HtmlTable;
use crate::comparison::{effect, effect_cell};
use crate::element::Element;
use crate::figure::{change, figure, units};
use crate::gap::MissingCell;
use crate::group::{self, GROUPS};
use crate::interval::{change_of, difference_of, is_approximate};
use crate::svg::{Anchor, Canvas, DrawingSize, Scale, rectangle};
use crate::verdict::spelled;

/// Ratios at which the axis may have a tick.
const MARKS: [f64; 29] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0, 1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0,
    3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0,
];
/// Totals and counts are left out, because they follow from other rows.
const LEFT_OUT: [Metric; 4] = [Metric::WaitSTotal, Metric::CpuSTotal, Metric::Requests, Metric::Errors];

/// Height of the title above a group of rows.
const HEADING: f64 = 36.0;

struct ForestRow<'a> {
    label: String,
    metric: Metric,
    effect: Option<&'a Effect>,
    null: Option<[f64; 2]>,
}

/// The positions of rows in a drawing.
struct ForestLayout {
    plot: [f64; 2],
    row: f64,
    /// Height of the text above a row's interval; zero if the text stands beside it.
    words: f64,
}

impl ForestLayout {
    fn of(size: DrawingSize) -> Self {
        match size {
            DrawingSize::Narrow => Self { plot: [10.0, 350.0], row: 46.0, words: 20.0 },
            DrawingSize::Wide => Self { plot: [124.0, 480.0], row: 40.0, words: 0.0 },
        }
    }
}

/// Effects of one arm with their intervals, drawn over those of the noise floor.
pub(crate) fn forest(page: &Page, arm: &Arm) -> Element {
    let base = page.base_name();
    let floor = if page.measurement.null.is_some() {
        " The grey band is the null's interval: what this machine shows without any difference."
    } else {
        ""
    };
    let note = format!(
        "Change against `{base}` with its 95 % interval, on a logarithmic axis. A filled mark: the interval excludes no \
         change.{floor}{}",
        approximate(page, arm).unwrap_or_default()
    );
    let groups = groups(page, arm);
    let figure = Figure {
        id: format!("effects-{}", page.number(&arm.name)),
        title: &format!("{} against {base}", arm.name),
        note: &note,
        legend: None,
        table: Some(table(page, arm)),
    };
    figure.drawn(|size| draw(page, arm, &groups, size))
}

/// How to read dashed lines, if there are any.
fn approximate(page: &Page, arm: &Arm) -> Option<String> {
    let mut effects = page.measurement.effects.iter().filter(|effect| effect.arm == arm.name);
    let (_, unit) = units(&page.measurement.experiment);
    effects
        .any(|effect| effect.difference_ci95.is_some() && is_approximate(effect.units))
        .then(|| format!(" A dashed line, or ~, is an approximate interval: fewer than {ROUNDS_EXACT} {unit}s."))
}

fn groups<'a>(page: &'a Page, arm: &Arm) -> Vec<(&'static str, Vec<ForestRow<'a>>)> {
    let row = |(label, metric): group::MetricRow| ForestRow {
        label: row_label(label, metric),
        metric,
        effect: effect(page.measurement, arm, metric),
        null: null_effect(page.measurement, metric).and_then(|effect| effect.ratio_ci95),
    };
    let shown = |(_, metric): &group::MetricRow| !LEFT_OUT.contains(metric);
    let groups = group::groups(&page.measurement.arms).into_iter();
    let groups = groups.map(|(title, rows)| (title, rows.into_iter().filter(shown).map(row).collect()));
    groups.filter(|(_, rows): &(_, Vec<ForestRow>)| !rows.is_empty()).collect()
}

/// The label of a row, with its unit if it would otherwise equal another label.
fn row_label(label: &str, metric: Metric) -> String {
    let is_alone = |rows: &[(&str, Metric)]| {
        rows.iter().any(|(_, known)| *known == metric) && rows.iter().filter(|(known, _)| *known == label).count() == 1
    };
    if GROUPS.iter().any(|(_, rows)| is_alone(rows)) { label.trim().to_owned() } else { row_title(label, metric) }
}

fn draw(page: &Page, arm: &Arm, groups: &[(&str, Vec<ForestRow>)], size: DrawingSize) -> Canvas {
    let layout = ForestLayout::of(size);
    let rows: usize = groups.iter().map(|(_, rows)| rows.len()).sum();
    let bottom = groups.len() as f64 * HEADING + rows as f64 * layout.row + 4.0;
    let mut canvas = Canvas::new(size.width(), bottom + 26.0);
    let scale = scale(groups, layout.plot);
    axis(&mut canvas, scale, bottom);
    let mut y = 0.0;
    for (title, rows) in groups {
        canvas.text("group halo", (0.0, y + 24.0), Anchor::Start, title);
        y += HEADING;
        for row in rows {
            draw_row(page, arm, &mut canvas, scale, (row, y), &layout);
            y += layout.row;
        }
    }
    canvas
}

fn scale(groups: &[(&str, Vec<ForestRow>)], ends: [f64; 2]) -> Scale {
    let rows = groups.iter().flat_map(|(_, rows)| rows);
    let values = rows.flat_map(|row| {
        let effect = row.effect.into_iter();
        let own = effect.flat_map(|effect| effect.ratio.into_iter().chain(effect.ratio_ci95.into_iter().flatten()));
        own.chain(row.null.into_iter().flatten())
    });
    let (low, high) = values
        .filter(|value| *value > 0.0 && value.is_finite())
        .fold((0.98_f64, 1.02_f64), |(low, high), value| (low.min(value), high.max(value)));
    let room = (high / low).powf(0.04);
    Scale::logarithmic([low / room, high * room], ends)
}

/// The change or, if the baseline is zero, the difference; a few words if there is neither.
pub(crate) fn told(effect: Option<&Effect>, metric: Metric) -> String {
    let cell = effect_cell(effect, metric);
    match cell.trim_end_matches(MissingCell::MARKS).trim_end() {
        "" => "too few samples".to_owned(),
        whole if whole == cell => cell,
        point => format!("{point}, no interval"),
    }
}

fn axis(canvas: &mut Canvas, scale: Scale, bottom: f64) {
    for mark in scale.choose(&MARKS, 1.0, 56.0) {
        let x = scale.at(mark);
        let class = if mark == 1.0 { "zero" } else { "grid" };
        canvas.line(class, (x, 6.0), (x, bottom));
        let label = if mark == 1.0 { "same".to_owned() } else { change(mark, None) };
        let label = label.split_once('.').map_or(label.clone(), |(whole, _)| format!("{whole} %"));
        canvas.text("tick", (x, bottom + 16.0), Anchor::Middle, &label);
    }
}

fn draw_row(
    page: &Page,
    arm: &Arm,
    canvas: &mut Canvas,
    scale: Scale,
    (row, y): (&ForestRow, f64),
    layout: &ForestLayout,
) {
    let middle = y + layout.words + (layout.row - layout.words) / 2.0;
    let told = told(row.effect, row.metric);
    let words = if layout.words > 0.0 { (y + 15.0, 10.0, 350.0) } else { (middle + 4.0, 8.0, 680.0) };
    canvas.text("label halo", (words.1, words.0), Anchor::Start, &row.label);
    canvas.text("figure halo", (words.2, words.0), Anchor::End, &told);
    if let Some([low, high]) = row.null {
        let (left, right) = (scale.at(low), scale.at(high));
        canvas.put(rectangle("band", (left, middle - 9.0), ((right - left).max(1.0), 18.0)));
    }
    let Some((effect, ratio)) = row.effect.and_then(|effect| Some((effect, effect.ratio?))) else { return };
    let class = page.looks.class(&arm.name);
    if let Some([low, high]) = effect.ratio_ci95 {
        let sort = if is_approximate(effect.units) { "whisker approximate" } else { "whisker" };
        canvas.line(&format!("{sort} {class}"), (scale.at(low), middle), (scale.at(high), middle));
    }
    let includes_one = effect.ratio_ci95.is_none_or(|[low, high]| low <= 1.0 && high >= 1.0);
    let more = if includes_one { "open" } else { "" };
    let tip = format!("{} {}: {told}", arm.name, row.label);
    page.looks.mark(canvas, &arm.name, (scale.at(ratio), middle), more, &tip);
}

fn table(page: &Page, arm: &Arm) -> Element {
    let base = page.base_name();
    let mut columns = vec!["Metric".to_owned(), base.to_owned(), arm.name.clone(), "change".to_owned()];
    columns.push("difference".to_owned());
    let has_null = page.measurement.null.is_some();
    if has_null {
        columns.push("null".to_owned());
    }
    columns.extend(["verdict".to_owned(), "p (verdicts: Holm)".to_owned()]);
    let mut table = HtmlTable::new(columns);
    for (title, metrics) in group::groups(&page.measurement.arms) {
        table = table.group(title);
        for (label, metric) in metrics {
            let effect = effect(page.measurement, arm, metric);
            let mut cells = vec![page.value(page.base(), metric), page.value(Some(arm), metric)];
            cells.push(effect.and_then(change_of).unwrap_or_default());
            cells.push(effect.and_then(|effect| difference_of(effect, metric.unit())).unwrap_or_default());
            if has_null {
                cells.push(
                    null_effect(page.measurement, metric).map_or_else(String::new, |null| told(Some(null), metric)),
                );
            }
            cells.push(
                effect
                    .and_then(|effect| effect.verdict)
                    .map_or_else(String::new, |verdict| spelled(verdict).to_owned()),
            );
            cells.push(effect.and_then(|effect| effect.p_holm.or(effect.p_value)).map_or_else(String::new, p_value));
            table = table.row(&row_title(label, metric), cells);
        }
    }
    table.finish(&format!("Every metric of {base} and {}, ± standard deviation over blocks, [95 % interval]", arm.name))
}

fn row_title(label: &str, metric: Metric) -> String {
    match metric.unit() {
        "1" => label.trim().to_owned(),
        unit => format!("{}, {unit}", label.trim()),
    }
}

/// A probability, with a lower bound below which its digits mean nothing.
fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { figure(p, "p") }
}
