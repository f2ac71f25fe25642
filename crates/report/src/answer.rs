use measure::{Arm, Effect, Measurement, Metric};

use crate::comparison::effect;
use crate::figure::{change, difference};
use crate::gap::Gap;
use crate::paragraph::{glued, paragraph};

/// The answer of a run: what each arm costs against the baseline, one paragraph each, in lines of at most 80 columns.
///
/// An arm is said to cost something only where the interval of the difference excludes zero, or where there is no
/// interval and the answer says so.
pub fn answer(measurement: &Measurement) -> String {
    match measurement.arms.split_first() {
        None => paragraph("Nothing was measured.", 0),
        Some((only, [])) => {
            paragraph(&format!("Arm `{}` stands alone: there is nothing to compare it with.", only.name), 0)
        }
        Some((base, others)) => {
            let answers: Vec<String> = others.iter().map(|arm| of_arm(measurement, base, arm)).collect();
            answers.join("\n")
        }
    }
}

/// What may be said of a difference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finding {
    More,
    Less,
    Unresolved,
    Missing,
}

impl Finding {
    fn of(effect: &Effect) -> Finding {
        match (effect.difference, effect.difference_ci95) {
            (None, _) => Finding::Missing,
            (_, Some([low, high])) if low <= 0.0 && high >= 0.0 => Finding::Unresolved,
            (Some(difference), _) if difference > 0.0 => Finding::More,
            (Some(difference), _) if difference < 0.0 => Finding::Less,
            _ => Finding::Unresolved,
        }
    }
}

/// A sentence for each finding, in the order in which the findings first appear.
fn of_arm(measurement: &Measurement, base: &Arm, arm: &Arm) -> String {
    let mut findings: Vec<(Finding, Vec<String>)> = Vec::new();
    for (finding, clause) in clauses(measurement, arm) {
        match findings.iter_mut().find(|(known, _)| *known == finding) {
            Some((_, clauses)) => clauses.push(clause),
            None => findings.push((finding, vec![clause])),
        }
    }
    let subjects = std::iter::once(Subject::first(arm)).chain(std::iter::repeat_with(|| Subject::again(arm)));
    let sentences = findings.iter().zip(subjects);
    let sentences = sentences.map(|((finding, clauses), subject)| {
        let opening = subject.opening(*finding, base);
        format!("{opening} {}.", listed(clauses))
    });
    paragraph(&sentences.collect::<Vec<_>>().join(" "), 0)
}

fn clauses(measurement: &Measurement, arm: &Arm) -> Vec<(Finding, String)> {
    let request = if path(&measurement.experiment.target).contains("page") { "page" } else { "request" };
    let asked = [
        (Metric::LatencyMsMean, format!("per {request}"), "latency"),
        (Metric::CpuMsPerRequest, "of CPU time".to_owned(), "CPU time"),
        (Metric::MemoryIdleMib, "of memory at rest".to_owned(), "memory at rest"),
    ];
    let mut reason = Some(Gap::Interval.reason(&measurement.experiment));
    let mut clauses = Vec::new();
    for (metric, of_what, name) in asked {
        let effect = effect(measurement, arm, metric);
        let clause = effect.and_then(|effect| clause(effect, metric, &of_what, &mut reason));
        let finding = effect.map_or(Finding::Missing, Finding::of);
        clauses.push((finding, clause.unwrap_or_else(|| name.to_owned())));
    }
    clauses
}

/// What follows scheme and host of a URL.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or("", |(_, path)| path)
}

/// `+3.90 ms [3.70, 4.10] of CPU time (+210 % [198, 223])`. The reason why intervals are missing is told once.
fn clause(effect: &Effect, metric: Metric, of_what: &str, reason: &mut Option<String>) -> Option<String> {
    let mut clause = glued(&difference(effect.difference?, effect.difference_ci95, metric.unit()));
    if effect.difference_ci95.is_none() {
        clause += &format!(" ({})", reason.take().unwrap_or_else(|| glued("no interval")));
    }
    clause = format!("{clause} {of_what}");
    if metric == Metric::CpuMsPerRequest
        && let Some(ratio) = effect.ratio
    {
        clause += &format!(" ({})", glued(&change(ratio, effect.ratio_ci95)));
    }
    Some(clause)
}

/// An arm at the head of a sentence.
struct Subject {
    /// It does something.
    noun: String,
    /// Ending of its verb.
    s: &'static str,
    /// Something is the case with it.
    with: String,
}

impl Subject {
    fn first(arm: &Arm) -> Subject {
        match arm.name.as_str() {
            "sidecar" => Subject { noun: "Sidecars".to_owned(), s: "", with: "With sidecars,".to_owned() },
            name => Subject { noun: format!("Arm `{name}`"), s: "s", with: format!("With arm `{name}`,") },
        }
    }

    fn again(arm: &Arm) -> Subject {
        let (noun, s) = if arm.name == "sidecar" { ("They", "") } else { ("It", "s") };
        Subject { noun: noun.to_owned(), s, with: "And".to_owned() }
    }

    fn opening(&self, finding: Finding, base: &Arm) -> String {
        let Subject { noun, s, with } = self;
        match finding {
            Finding::More => format!("{noun} cost{s} this application"),
            Finding::Less => format!("{noun} take{s} less than `{}`:", base.name),
            Finding::Unresolved => format!("{with} no difference resolved:"),
            Finding::Missing => format!("{with} too few samples for"),
        }
    }
}

/// `a`, `a and b`, `a and b, and c`: the request's cost, then what is paid without any.
fn listed(clauses: &[String]) -> String {
    match clauses {
        [a, b, c] => format!("{a} and {b}, and {c}"),
        others => others.join(" and "),
    }
}
