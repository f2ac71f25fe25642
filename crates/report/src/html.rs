//! The HTML page: one self-contained file for light and dark schemes, paper, telephones and screen readers.

mod bar;
mod calibration;
mod card;
mod chart;
mod course;
mod fact;
mod figure;
mod forest;
mod latency;
mod look;
mod page;
mod round;
mod table;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use measure::{Curves, Measurement, Signal};
use sha2::{Digest, Sha256};
use topology::Topology;

use crate::answer::answer;
use crate::caution::{FATAL, fatal};
use crate::element::{Element, element};
use crate::fault;
use crate::held::unverified;
use crate::telemetry;
use crate::truncated;
use look::compared;
pub(crate) use page::Page;
use table::HtmlTable;

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
const TITLE_START: &str = "The price of the mesh";

/// A run as one self-contained page: no network, no fonts to fetch, and the same bytes for the same input.
///
/// The answer comes first, then how far it can be trusted, then figures, each with its numbers as a table. The page is
/// complete without its script, which only shows what is under the pointer.
pub fn html(measurement: &Measurement, curves: &Curves, topology: &Topology) -> String {
    let page = Page::new(measurement, curves, topology);
    let title = format!("{TITLE_START}: {}", measurement.experiment.name);
    let head = element("head")
        .put(element("meta").with("charset", "utf-8"))
        .put(element("meta").with("http-equiv", "Content-Security-Policy").with("content", policy()))
        .put(element("meta").with("name", "viewport").with("content", "width=device-width, initial-scale=1"))
        .put(element("meta").with("name", "color-scheme").with("content", "light dark"))
        .put(
            element("meta")
                .with("name", "generator")
                .with("content", format!("meshtax {}", measurement.environment.meshtax)),
        )
        .put(element("title").text(&title))
        .put(element("style").verbatim(STYLE));
    let body = element("body")
        .put(element("a").class("skip").with("href", "#main").text("Skip to the answer"))
        .put(top(&page))
        .put(
            element("main")
                .with("id", "main")
                .with("tabindex", "-1")
                .puts(sections(&page))
                .puts(small_print(measurement)),
        )
        .put(foot(&page))
        .put(element("div").with("id", "tip").with("aria-hidden", "true").with("hidden", ""))
        .put(element("script").verbatim(SCRIPT));
    let page = element("html").with("lang", "en").put(head).put(body);
    format!("<!DOCTYPE html>\n{page}\n")
}

/// What is not verified about the sidecars of this run.
fn small_print(measurement: &Measurement) -> Option<Element> {
    unverified(&measurement.arms).map(|text| element("p").prose(text))
}

/// The page's security policy: only its own style and script are used, and nothing is fetched, whatever a name in it
/// contains.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// The top of the page: its name, its contents, and the arms, each with a box that hides it.
fn top(page: &Page) -> Element {
    let links =
        titles(page).map(|(id, title, _)| element("li").put(element("a").with("href", format!("#{id}")).text(title)));
    let mut looks: Vec<(String, Vec<&str>)> = Vec::new();
    for arm in page.arm_names() {
        let class = page.looks.class(arm);
        match looks.iter_mut().find(|(known, _)| *known == class) {
            Some((_, arms)) => arms.push(arm),
            None => looks.push((class, vec![arm])),
        }
    }
    let boxes = looks.iter().map(|(class, arms)| {
        let id = format!("show-{class}");
        let check = element("input").with("type", "checkbox").with("id", id).with("checked", "");
        element("li").put(element("label").put(check).put(page.looks.swatch(arms[0])).text(&arms.join(", ")))
    });
    let arms = element("fieldset").put(element("legend").text("Arms shown")).put(element("ul").puts(boxes));
    element("header")
        .put(element("p").class("brand").text("meshtax"))
        .put(element("nav").with("aria-label", "Contents").put(element("ul").puts(links)))
        .put(arms)
}

/// The sections: their ids, their names in the contents, and their headings.
fn titles(page: &Page) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let has_course = !page.curves.stretches.is_empty();
    let has_calibration = !page.measurement.calibration.is_empty();
    let has_telemetry = !page.measurement.telemetry.is_empty();
    let has_faults = !page.measurement.faults.is_empty();
    [
        ("trust", "Cautions", "Cautions"),
        ("effects", "Effects", "Effects and latency"),
        ("calibration", "Calibration", "Known costs, found again"),
        ("telemetry", "Telemetry", "What each arm shows"),
        ("faults", "Faults", "Signs of faults, and how soon they showed"),
        ("rounds", "Rounds", "Round by round"),
        ("time", "Time", "The run in time"),
        ("resources", "Resources", "CPU and memory"),
        ("calls", "Calls", "Call graph"),
        ("origin", "Origin", "Where it comes from"),
    ]
    .into_iter()
    .filter(move |(id, ..)| match *id {
        "time" => has_course,
        "calibration" => has_calibration,
        "telemetry" => has_telemetry,
        "faults" => has_faults,
        _ => true,
    })
}

fn sections(page: &Page) -> Vec<Element> {
    let measurement = page.measurement;
    let forests = compared(measurement).map(|arm| forest::forest(page, arm));
    let latencies = [latency::percentiles(page), latency::distribution(page)];
    let told = measurement.truncated.as_ref().map(|_| cut(measurement));
    let mut sections = vec![opening(page)];
    let contents = [
        ("trust", vec![fact::cautions(measurement)]),
        ("effects", std::iter::once(grid(forests.chain(latencies))).chain(told).collect()),
        ("calibration", vec![grid([calibration::calibration(page)])]),
        ("telemetry", vec![seen(measurement)]),
        ("faults", vec![faults(measurement)]),
        ("rounds", vec![grid(page.primary().map(|(title, metric)| round::rounds(page, title, metric)))]),
        ("time", vec![grid([course::course(page)])]),
        ("resources", vec![grid([bar::cpu(page), bar::memory(page)])]),
        ("calls", vec![grid([chart::chart(page)])]),
        ("origin", origin(page)),
    ];
    let shown: Vec<_> = titles(page).collect();
    for (id, content) in contents {
        let Some((.., title)) = shown.iter().find(|(known, ..)| *known == id) else { continue };
        let heading = element("h2").with("id", format!("{id}-title")).text(title);
        let section = element("section").with("id", id).with("aria-labelledby", format!("{id}-title"));
        sections.push(section.put(heading).puts(content));
    }
    sections
}

/// The table of latencies as a client would report them that cuts them to whole steps.
fn cut(measurement: &Measurement) -> Element {
    let columns = std::iter::once(truncated::title(measurement)).chain(truncated::COLUMNS.map(str::to_owned));
    let table = truncated::rows(measurement).fold(HtmlTable::new(columns), |table, (arm, cells)| table.row(arm, cells));
    table.finish(truncated::LEGEND)
}

/// The table of what each arm shows.
fn seen(measurement: &Measurement) -> Element {
    let names = || measurement.arms.iter().map(|arm| arm.name.as_str());
    let row = |table: HtmlTable, signal| {
        table.row(telemetry::title(signal), names().map(|arm| telemetry::cell(measurement, arm, signal)))
    };
    let table = Signal::ALL.into_iter().fold(HtmlTable::new(std::iter::once("What is seen").chain(names())), row);
    table.finish(&format!("Signals by arm; {}", telemetry::LEGEND))
}

/// The table of signs of faults in each arm.
fn faults(measurement: &Measurement) -> Element {
    let names: Vec<&str> = measurement.arms.iter().map(|arm| arm.name.as_str()).collect();
    let mut table = HtmlTable::new(std::iter::once("Signs of faults").chain(names.iter().copied()));
    for (title, trials) in fault::made(measurement) {
        table = table.group(&title);
        for (name, cells) in fault::told(&trials, &names) {
            table = table.row(name, cells);
        }
    }
    table.finish(&fault::legend(measurement))
}

/// The answer, the experiment, and the primary metrics of each arm.
fn opening(page: &Page) -> Element {
    let measurement = page.measurement;
    let answer = answer(measurement);
    let paragraphs = answer.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    let paragraphs = paragraphs.map(|paragraph| quiet_intervals(paragraph.trim()).class("answer"));
    let warnings = fatal(&measurement.cautions).map(|caution| {
        let kind = element("strong").text(&format!("{}, {FATAL}: ", caution.kind.replace('_', " ")));
        element("p").class("warning").put(kind).prose(&caution.text)
    });
    let trust = match measurement.cautions.len() {
        0 => None,
        1 => Some("1 caution applies".to_owned()),
        several => Some(format!("{several} cautions apply")),
    };
    let trust = trust.map(|told| element("a").class("trust").with("href", "#trust").text(&told));
    element("section")
        .with("aria-labelledby", "title")
        .class("opening")
        .put(element("p").class("kicker").text(TITLE_START))
        .put(element("h1").with("id", "title").text(&measurement.experiment.name))
        .puts(warnings)
        .puts(paragraphs)
        .put(fact::subject(measurement))
        .puts(trust)
        .puts(compared(measurement).map(|arm| card::cards(page, arm)))
}

/// A sentence with its intervals set back and its figures kept together with their units.
fn quiet_intervals(sentence: &str) -> Element {
    let sentence = ["ms", "MiB", "%", "cores"]
        .iter()
        .fold(sentence.to_owned(), |text, unit| text.replace(&format!(" {unit}"), &format!("\u{a0}{unit}")));
    sentence.split_inclusive(']').fold(element("p"), |text, part| match part.split_once('[') {
        None => text.prose(part),
        Some((before, interval)) => {
            // The mark of an approximate interval stays with the interval.
            let start = before.trim_end_matches('~').len();
            let interval = format!("{}[{interval}", &before[start..]);
            text.prose(&before[..start]).put(element("span").class("interval").text(&interval))
        }
    })
}

fn grid(figures: impl IntoIterator<Item = Element>) -> Element {
    element("div").class("grid").puts(figures)
}

/// The environment, the method, and the numbers behind the page.
fn origin(page: &Page) -> Vec<Element> {
    let part = |title: &str, content: Element| element("section").put(element("h3").text(title)).put(content);
    let json = serde_json::to_string_pretty(page.measurement).expect("a measurement has string keys only");
    let address = format!("data:application/json;base64,{}", STANDARD.encode(format!("{json}\n")));
    let name = format!("{}-measurement.json", page.measurement.experiment.name);
    let link = element("a").class("download").with("download", name).with("href", address);
    let parts = [
        part("Environment", fact::environment(page.measurement))
            .put(element("p").put(link.text("Download the measurement as JSON"))),
        part("How it was measured", fact::method(page)),
    ];
    vec![element("div").class("grid").puts(parts)]
}

fn foot(page: &Page) -> Element {
    let environment = &page.measurement.environment;
    element("footer").put(
        element("p").text(&format!("Made by meshtax {} from a run of {}.", environment.meshtax, environment.started)),
    )
}
