use measure::{Caution, ConnectionUse, Measurement, MemorySource, ROUNDS_EXACT, ROUNDS_MIN};

use super::Page;
use crate::caution::FATAL;
use crate::element::{Element, element};
use crate::figure::{change, count, requests, rhythm, rounds};
use crate::group::meanings;

/// Cautions by kind, fatal ones first, or a sentence that there are none.
pub(crate) fn cautions(measurement: &Measurement) -> Element {
    if measurement.cautions.is_empty() {
        return element("p").text("None: no guard saw anything that makes these numbers doubtful.");
    }
    let mut kinds: Vec<(&str, Vec<&Caution>)> = Vec::new();
    for caution in &measurement.cautions {
        match kinds.iter_mut().find(|(kind, _)| *kind == caution.kind) {
            Some((_, cautions)) => cautions.push(caution),
            None => kinds.push((&caution.kind, vec![caution])),
        }
    }
    kinds.sort_by_key(|(_, cautions)| !is_fatal(cautions));
    element("ul").class("cautions").puts(kinds.iter().map(|(kind, cautions)| of_kind(kind, cautions)))
}

fn is_fatal(cautions: &[&Caution]) -> bool {
    cautions.iter().any(|caution| caution.fatal)
}

/// The first caution of a kind. Those of other arms are folded away.
fn of_kind(kind: &str, cautions: &[&Caution]) -> Element {
    let fatal = is_fatal(cautions).then(|| element("em").text(FATAL));
    let heading = element("h3").text(&kind.replace('_', " ")).puts(fatal);
    let mut told = cautions.iter().map(|caution| element("p").prose(&caution.text));
    let entry = element("li").put(heading).puts(told.next());
    if cautions.len() == 1 {
        return entry;
    }
    let summary = element("summary").text(&format!("{} more of this kind", cautions.len() - 1));
    entry.put(element("details").put(summary).puts(told))
}

/// The experiment, in one line.
pub(crate) fn subject(measurement: &Measurement) -> Element {
    let subject = &measurement.experiment;
    let mut facts = vec![
        format!("topology `{}`", subject.topology),
        format!("target `{}`", subject.target),
        rounds(subject),
        requests(measurement),
        rhythm(subject),
        connection(subject.connection).to_owned(),
    ];
    if !subject.complete {
        facts.insert(0, format!("**interrupted after {}: partial results**", rounds(subject)));
    }
    let entries = facts.iter().map(|fact| match fact.strip_prefix("**").and_then(|fact| fact.strip_suffix("**")) {
        Some(fact) => element("li").put(element("strong").text(fact)),
        None => element("li").prose(fact),
    });
    element("ul").class("facts").puts(entries)
}

fn connection(connection: ConnectionUse) -> &'static str {
    match connection {
        ConnectionUse::New => "a new connection for each request",
        ConnectionUse::Keep => "one connection, kept",
    }
}

/// The machine and its software.
pub(crate) fn environment(measurement: &Measurement) -> Element {
    let environment = &measurement.environment;
    let memory = match environment.memory_source {
        MemorySource::WorkingSet => "working set of the control groups",
        MemorySource::Pss => "proportional set size of the processes",
    };
    let entries = [
        ("Started", environment.started.clone()),
        (
            "Machine",
            format!(
                "{}, {}, {} MiB",
                environment.processor,
                count(environment.cores.into(), "core"),
                environment.memory_mib
            ),
        ),
        ("System", format!("{}, Linux {}", environment.system, environment.kernel)),
        ("Processors", if environment.awake { "kept awake" } else { "may sleep" }.to_owned()),
        ("Control groups", environment.cgroups.clone()),
        ("Interrupts", interrupts(environment.interrupts_apart).to_owned()),
        ("Memory is", memory.to_owned()),
        ("meshtax", environment.meshtax.clone()),
        ("Envoy", environment.envoy.clone().unwrap_or_else(|| "not used".to_owned())),
        ("Seed", measurement.experiment.seed.to_string()),
    ];
    let entries = entries.iter().flat_map(|(name, value)| [element("dt").text(name), element("dd").text(value)]);
    element("dl").puts(entries)
}

/// Says how the kernel accounts time in interrupts.
fn interrupts(apart: Option<bool>) -> &'static str {
    match apart {
        Some(true) => "subtracted from the tasks that they interrupt: in no arm's CPU time",
        Some(false) => "charged to the tasks that they interrupt",
        None => "unknown where they are charged",
    }
}

/// How the figures were measured.
pub(crate) fn method(page: &Page) -> Element {
    let margin = page.measurement.effects.iter().find_map(|effect| effect.margin);
    let margin = margin.map_or_else(String::new, |margin| {
        format!(
            " `costs` and `saves` hold at 5 % over the primary metrics together (Holm); `no measurable cost` means \
             equivalent within ± {} by two one-sided tests; all else is not resolvable here.",
            change(1.0 + margin, None).trim_start_matches('+')
        )
    });
    let unit = match page.measurement.experiment.stands {
        None => {
            "The block is the unit of statistics, and rounds pair the arms. Intervals are 95 % intervals over rounds"
        }
        Some(_) => {
            "Rounds pair the arms; the stand-up of the lab is the unit of statistics, since processes differ a little for \
             as long as they live. Intervals are 95 % intervals over stand-ups"
        }
    };
    let points = [
        "All arms stand side by side for the whole run. The load moves between them block by block, in random order \
         within each round, so that the machine's drift falls on all alike."
            .to_owned(),
        format!("{unit}; below {ROUNDS_EXACT} they are approximate, below {ROUNDS_MIN} none is given.{margin}"),
        "Memory and idle CPU of a process hardly change while it lives, so memory and figures at rest have an interval only \
         over stand-ups of the lab; ± shows their spread over blocks or idle windows."
            .to_owned(),
        "Latency counts from the intended start of a request to the last byte of its answer. No latency includes \
         failed requests; they are counted separately."
            .to_owned(),
        "CPU time is what the kernel charged to the control groups of applications and proxies between the edges of a \
         block, background work included. The client's pod is in no total; the figures that name \
         the proxy beside the client include it."
            .to_owned(),
        "Software interrupts are shown for the whole machine. Those that interrupted an arm's processes are already in its \
         CPU time; those on an idle processor are charged to nobody."
            .to_owned(),
    ];
    let words = meanings(&page.measurement.arms).into_iter().map(|meaning| format!("{meaning}."));
    let points: Vec<String> = points.into_iter().chain(words).collect();
    element("ul").puts(points.iter().map(|point| element("li").prose(point)))
}
