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
        Some((only, [])) => paragraph(&format!("Arm `{}` stands alone: there is nothing to compare it with.", only.name), 0),
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
    let sentences: Vec<String> = findings
        .iter()
        .enumerate()
        .map(|(index, (finding, clauses))| {
            let opening = if index == 0 { first_opening(*finding, base, arm) } else { next_opening(*finding, base, arm) };
            format!("{opening} {}.", listed(clauses))
        })
        .collect();
    paragraph(&sentences.join(" "), 0)
}

fn clauses(measurement: &Measurement, arm: &Arm) -> Vec<(Finding, String)> {
    let request = if measurement.experiment.target.contains("page") { "page" } else { "request" };
    let asked = [
        (Metric::LatencyMsMean, format!("per {request}"), "latency"),
        (Metric::CpuMsPerRequest, "of CPU time".to_owned(), "CPU time"),
        (Metric::MemoryIdleMib, "of memory at rest".to_owned(), "memory at rest"),
    ];
    let mut reason = Some(Gap::Interval.reason(measurement.experiment.rounds));
    let mut clauses = Vec::new();
    for (metric, of_what, name) in asked {
        let effect = effect(measurement, arm, metric);
        let clause = effect.and_then(|effect| clause(effect, metric, &of_what, &mut reason));
        let finding = effect.map_or(Finding::Missing, Finding::of);
        clauses.push((finding, clause.unwrap_or_else(|| name.to_owned())));
    }
    clauses
}

/// `+3.90 ms [3.70, 4.10] of CPU time (+210 % [198, 223])`. The reason why intervals are missing is told once.
fn clause(effect: &Effect, metric: Metric, of_what: &str, reason: &mut Option<String>) -> Option<String> {
    let mut clause = glued(&difference(effect.difference?, effect.difference_ci95, metric.unit()));
    if effect.difference_ci95.is_none() {
        clause += &format!(" ({})", reason.take().unwrap_or_else(|| glued("no interval")));
    }
    clause = format!("{clause} {of_what}");
    if metric == Metric::CpuMsPerRequest && let Some(ratio) = effect.ratio {
        clause += &format!(" ({})", glued(&change(ratio, effect.ratio_ci95)));
    }
    Some(clause)
}

fn is_sidecar(arm: &Arm) -> bool {
    arm.name == "sidecar"
}

fn first_opening(finding: Finding, base: &Arm, arm: &Arm) -> String {
    let (subject, object, s) = match is_sidecar(arm) {
        true => ("Sidecars".to_owned(), "sidecars".to_owned(), ""),
        false => (format!("Arm `{}`", arm.name), format!("arm `{}`", arm.name), "s"),
    };
    match finding {
        Finding::More => format!("{subject} cost{s} this application"),
        Finding::Less => format!("{subject} take{s} less than `{}`:", base.name),
        Finding::Unresolved => format!("With {object}, no difference resolved:"),
        Finding::Missing => format!("With {object}, too few samples for"),
    }
}

fn next_opening(finding: Finding, base: &Arm, arm: &Arm) -> String {
    let (subject, s) = if is_sidecar(arm) { ("They", "") } else { ("It", "s") };
    match finding {
        Finding::More => format!("{subject} cost{s} this application"),
        Finding::Less => format!("{subject} take{s} less than `{}`:", base.name),
        Finding::Unresolved => "No difference resolved:".to_owned(),
        Finding::Missing => "Too few samples for".to_owned(),
    }
}

/// `a`, `a and b`, `a and b, and c`: the request's cost, then what is paid without any.
fn listed(clauses: &[String]) -> String {
    match clauses {
        [a, b, c] => format!("{a} and {b}, and {c}"),
        others => others.join(" and "),
    }
}
