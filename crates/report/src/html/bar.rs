use measure::{Arm, ArmCurves, Metric};

use super::Page;
use super::figure::Figure;
use super::table::HtmlTable;
use crate::element::Element;
use crate::figure::figure;
use crate::group::groups;
use crate::svg::{Anchor, Canvas, DrawingSize, Scale, rectangle};

/// A bar with words above it.
struct Bar {
    class: String,
    title: String,
    told: String,
    /// Lengths from the start, each with its class.
    parts: Vec<(&'static str, f64)>,
    /// CPU time of the whole machine in interrupts, drawn as a bracket below the bar and not part of it.
    machine: Option<f64>,
    /// A small part of the bar that is already contained in the others, drawn as a strip.
    strip: Option<f64>,
}

const ROW: f64 = 50.0;

const CPU_NOTE: &str = "Pale: applications. Solid: proxies. Outlined: the client's pod with its proxy, which is in no total. \
                        The bracket below a bar is the time that the whole machine spent in software interrupts while the \
                        arm was under load, whoever they were for. It is not part of the bar, and may be longer.";
const CPU_NOTE_WATCHED: &str = "Pale: applications. Solid: proxies. Outlined: the client's pod with its proxy, which is in no \
                                total. The bracket below a bar is the time that the whole machine spent in software \
                                interrupts while the arm was under load, whoever they were for. It is not part of the bar, \
                                and may be longer. BPF, the strip at a bar's foot, is the time of the kernel witness's own \
                                programs. It is already charged to the arm and its client, and was measured separately, on \
                                requests after the rounds, because timing programs costs.";

/// CPU time per request: application and proxy, and the client separately. The machine's softirq time is beside it, and
/// the kernel witness's programs within it.
pub(crate) fn cpu(page: &Page) -> Element {
    let bars: Vec<Bar> = page.measurement.arms.iter().flat_map(|arm| cpu_bars(page, arm)).collect();
    let figure = Figure {
        id: "cpu".to_owned(),
        title: "CPU time per request",
        note: if has_programs(page) { CPU_NOTE_WATCHED } else { CPU_NOTE },
        legend: None,
        table: Some(cpu_table(page)),
    };
    figure.drawn(|size| draw(&bars, "ms", size))
}

/// Memory at rest and under load, with the proxies' part drawn solid.
pub(crate) fn memory(page: &Page) -> Element {
    let bars: Vec<Bar> = page.measurement.arms.iter().flat_map(|arm| memory_bars(page, arm)).collect();
    let figure = Figure {
        id: "memory".to_owned(),
        title: "Memory",
        note: "All applications and proxies of an arm together, except the one beside the client: before the first request, \
               at rest after the warm-up, and at the end of a block under load. Solid: the proxies' part, which is known \
               under load.",
        legend: None,
        table: Some(memory_table(page)),
    };
    figure.drawn(|size| draw(&bars, "MiB", size))
}

fn curves<'a>(page: &'a Page, arm: &Arm) -> Option<&'a ArmCurves> {
    page.curves.arms.iter().find(|curves| curves.name == arm.name)
}

fn metric(arm: &Arm, metric: Metric) -> Option<f64> {
    arm.metrics.get(metric.name()).and_then(|value| value.value)
}

fn cpu_bars(page: &Page, arm: &Arm) -> Vec<Bar> {
    let class = page.looks.class(&arm.name);
    let told = |metric| page.figure(Some(arm), metric).unwrap_or_else(|| "?".to_owned());
    let softirq = curves(page, arm).and_then(|curves| curves.cpu_softirq_ms_per_request);
    let programs = programs_ms(arm);
    let own = Bar {
        class: class.clone(),
        title: arm.name.clone(),
        told: format!(
            "{} ms: app {}, proxy {}{}",
            told(Metric::CpuMsPerRequest),
            told(Metric::CpuAppMsPerRequest),
            told(Metric::CpuProxyMsPerRequest),
            programs.map_or_else(String::new, |ms| format!(", BPF {}", figure(ms, "ms")))
        ),
        parts: [("pale", Metric::CpuAppMsPerRequest), ("solid", Metric::CpuProxyMsPerRequest)]
            .into_iter()
            .filter_map(|(part, name)| Some((part, metric(arm, name)?)))
            .collect(),
        machine: softirq,
        strip: programs,
    };
    let client = curves(page, arm).and_then(|curves| curves.cpu_client_ms_per_request).map(|ms| Bar {
        class,
        title: "its client".to_owned(),
        told: format!("{} ms", figure(ms, "ms")),
        parts: vec![("outline", ms)],
        machine: None,
        strip: None,
    });
    std::iter::once(own).chain(client).collect()
}

/// CPU time of the kernel witness's programs per request.
fn programs_ms(arm: &Arm) -> Option<f64> {
    arm.programs.map(|programs| programs.cpu_ms_per_request)
}

fn has_programs(page: &Page) -> bool {
    page.measurement.arms.iter().any(|arm| arm.programs.is_some())
}

fn memory_bars(page: &Page, arm: &Arm) -> Vec<Bar> {
    let class = page.looks.class(&arm.name);
    let total = |title: String, whole: Metric, part: Option<Metric>| {
        let all = metric(arm, whole)?;
        let proxy = part.and_then(|part| metric(arm, part)).filter(|mib| *mib > 0.0);
        let mut told = format!("{} MiB", figure(all, "MiB"));
        if let Some(proxy) = proxy {
            told += &format!(", of which proxies {}", figure(proxy, "MiB"));
        }
        // The part is drawn at the far end of the whole.
        let parts = vec![("pale", all - proxy.unwrap_or(0.0)), ("solid", proxy.unwrap_or(0.0))];
        Some(Bar { class: class.clone(), title, told, parts, machine: None, strip: None })
    };
    let fresh = total(format!("{} before the first request", arm.name), Metric::MemoryIdleMib, None);
    let warm = total("at rest after the warm-up".to_owned(), Metric::MemoryIdleWarmMib, None);
    let loaded = total("under load".to_owned(), Metric::MemoryLoadedMib, Some(Metric::MemoryProxyMib));
    fresh.into_iter().chain(warm).chain(loaded).collect()
}

fn draw(bars: &[Bar], unit: &str, size: DrawingSize) -> Canvas {
    let bottom = bars.len() as f64 * ROW + 4.0;
    let mut canvas = Canvas::new(size.width(), bottom + 22.0);
    let length = |bar: &Bar| bar.parts.iter().map(|(_, value)| value).sum::<f64>().max(bar.machine.unwrap_or(0.0));
    let longest = bars.iter().map(length).fold(0.0, f64::max);
    let x = Scale::linear([0.0, longest], [8.0, size.width() - 24.0]);
    for (tick, label) in x.labels(if size == DrawingSize::Wide { 6 } else { 4 }, unit) {
        canvas.line(if tick == 0.0 { "zero" } else { "grid" }, (x.at(tick), 4.0), (x.at(tick), bottom));
        canvas.text("tick", (x.at(tick), bottom + 15.0), Anchor::Middle, &label);
    }
    for (index, bar) in bars.iter().enumerate() {
        draw_bar(&mut canvas, bar, x, index as f64 * ROW);
    }
    canvas
}

fn draw_bar(canvas: &mut Canvas, bar: &Bar, x: Scale, top: f64) {
    canvas.text("label halo", (12.0, top + 18.0), Anchor::Start, &format!("{}  {}", bar.title, bar.told));
    let mut from = 0.0;
    for (part, value) in &bar.parts {
        let (start, end) = (x.at(from), x.at(from + value));
        let shape = rectangle(&format!("bar {part} {}", bar.class), (start, top + 25.0), (end - start, 15.0));
        canvas.put(shape.with("data-tip", format!("{}: {}", bar.title, bar.told)));
        from += value;
    }
    if let Some(part) = bar.strip {
        canvas.put(rectangle("strip-within", (x.at(0.0), top + 36.0), (x.at(part) - x.at(0.0), 4.0)));
    }
    if let Some(part) = bar.machine {
        let (start, end, y) = (x.at(0.0), x.at(part), top + 43.0);
        canvas.path("bracket", &[(start, y), (start, y + 4.0), (end, y + 4.0), (end, y)]);
    }
}

fn cpu_table(page: &Page) -> Element {
    let programs = has_programs(page).then_some("of which BPF, measured separately");
    let titles = ["Arm", "app and proxy", "app", "proxy", "client (in no total)", "softirq of the whole machine"];
    let titles = titles.into_iter().chain(programs);
    let rows = page.measurement.arms.iter().fold(HtmlTable::new(titles), |table, arm| {
        let curves = curves(page, arm);
        let told = |value: Option<f64>| value.map_or_else(String::new, |ms| figure(ms, "ms"));
        let cells = [
            page.value(Some(arm), Metric::CpuMsPerRequest),
            page.value(Some(arm), Metric::CpuAppMsPerRequest),
            page.value(Some(arm), Metric::CpuProxyMsPerRequest),
            told(curves.and_then(|curves| curves.cpu_client_ms_per_request)),
            told(curves.and_then(|curves| curves.cpu_softirq_ms_per_request)),
            told(programs_ms(arm)),
        ];
        // A cell without a title is not shown.
        table.row(&arm.name, cells)
    });
    rows.finish("CPU time per request in milliseconds, ± standard deviation over blocks")
}

fn memory_table(page: &Page) -> Element {
    let columns = [
        ("before the first request", Metric::MemoryIdleMib),
        ("at rest after the warm-up", Metric::MemoryIdleWarmMib),
        ("under load", Metric::MemoryLoadedMib),
        ("of which proxies", Metric::MemoryProxyMib),
        ("growth under load", Metric::MemoryGrowthMib),
    ];
    let told = groups(&page.measurement.arms).into_iter().flat_map(|(_, rows)| rows);
    let told: Vec<Metric> = told.map(|(_, metric)| metric).collect();
    let columns: Vec<_> = columns.into_iter().filter(|(_, metric)| told.contains(metric)).collect();
    let titles = std::iter::once("Arm").chain(columns.iter().map(|(title, _)| *title));
    let rows = page.measurement.arms.iter().fold(HtmlTable::new(titles), |table, arm| {
        table.row(&arm.name, columns.iter().map(|(_, metric)| page.value(Some(arm), *metric)))
    });
    rows.finish("Memory in MiB, ± standard deviation over blocks")
}
