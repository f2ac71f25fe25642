use measure::{Arm, Effect, Measurement, Metric, Verdict};

use crate::comparison::effect;
use crate::figure::{count, difference};
use crate::gap::MissingCell;
use crate::interval::{change_of, difference_of};
use crate::paired::Paired;
use crate::paragraph::{glued, paragraph};
use crate::verdict::margin_percent;

/// A smaller difference of memory at rest, in MiB, is reported as none, because stand-ups differ by about this much.
const MEMORY_TOLD_MIB: f64 = 1.0;

/// The answer of a run: what each arm costs against the baseline, one paragraph each, in lines of at most 80 columns.
///
/// An arm is said to cost something only if its verdict says so or, in a metric without one, if the interval of the
/// difference excludes zero. Nothing is said about an arm that a fatal caution concerns.
pub fn answer(measurement: &Measurement) -> String {
    match measurement.arms.split_first() {
        None => paragraph("Nothing was measured.", 0),
        Some((only, [])) => {
            paragraph(&format!("Arm `{}` stands alone: there is nothing to compare it with.", only.name), 0)
        }
        Some((base, others)) => {
            let told = |arm| doubted(measurement, arm).unwrap_or_else(|| of_arm(measurement, base, arm));
            others.iter().map(told).collect::<Vec<_>>().join("\n")
        }
    }
}

/// How a difference is worded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wording {
    More,
    Less,
    Equivalent,
    Unresolved,
    Missing,
}

impl Wording {
    fn of(effect: &Effect) -> Wording {
        match (effect.difference, effect.verdict) {
            (None, _) => Wording::Missing,
            (_, Some(Verdict::Costs)) => Wording::More,
            (_, Some(Verdict::Saves)) => Wording::Less,
            (_, Some(Verdict::NoMeasurableCost)) => Wording::Equivalent,
            (_, Some(Verdict::NotResolvable | Verdict::NotToBeBelieved)) => Wording::Unresolved,
            (_, None) => Wording::of_interval(effect.difference_ci95),
        }
    }

    fn of_interval(ends: Option<[f64; 2]>) -> Wording {
        match ends {
            Some([low, _]) if low > 0.0 => Wording::More,
            Some([_, high]) if high < 0.0 => Wording::Less,
            _ => Wording::Unresolved,
        }
    }
}

/// Says that the figures of an arm are not to be believed, if a fatal caution concerns it.
fn doubted(measurement: &Measurement, arm: &Arm) -> Option<String> {
    let mut kinds: Vec<&str> = measurement.vetoes(&arm.name).map(|caution| caution.kind.as_str()).collect();
    kinds.dedup();
    let with = ArmSubject::first(arm).with;
    let told = format!("{with} the figures are not to be believed: see caution {}.", kinds.join(", "));
    (!kinds.is_empty()).then(|| paragraph(&told, 0))
}

/// One sentence per finding, in the order in which findings first appear, then the memory of the arm at rest.
fn of_arm(measurement: &Measurement, base: &Arm, arm: &Arm) -> String {
    let mut findings: Vec<(Wording, Vec<String>)> = Vec::new();
    let paired = Paired::of(measurement, base, arm);
    for (finding, clause) in clauses(measurement, &paired, arm) {
        match findings.iter_mut().find(|(known, _)| *known == finding) {
            Some((_, clauses)) => clauses.push(clause),
            None => findings.push((finding, vec![clause])),
        }
    }
    let subjects = std::iter::once(ArmSubject::first(arm)).chain(std::iter::repeat_with(|| ArmSubject::again(arm)));
    let sentences = findings.iter().zip(subjects);
    let sentences = sentences.map(|((finding, clauses), subject)| {
        let opening = subject.opening(*finding, measurement, base);
        format!("{opening} {}.", listed(clauses))
    });
    let told = sentences
        .chain(at_rest(measurement, &paired, [base, arm]))
        .chain(of_one_stand(measurement, arm))
        .chain(paired.scope.map(str::to_owned));
    paragraph(&told.collect::<Vec<_>>().join(" "), 0)
}

/// Says that the intervals hold for a single stand-up only; another one would differ.
fn of_one_stand(measurement: &Measurement, arm: &Arm) -> Option<String> {
    let has_interval = |effect: &Effect| effect.arm == arm.name && effect.difference_ci95.is_some();
    let is_one = measurement.experiment.stands.is_none() && measurement.effects.iter().any(has_interval);
    is_one.then(|| format!("All of {}.", glued("this stand-up")))
}

fn clauses(measurement: &Measurement, paired: &Paired, arm: &Arm) -> Vec<(Wording, String)> {
    let request = if path(&measurement.experiment.target).contains("page") { "page" } else { "request" };
    let asked = [
        (Metric::LatencyMsMean, format!("per {request}"), "latency"),
        (paired.cpu, "of CPU time".to_owned(), "CPU time"),
        (paired.memory, format!("of memory {}", paired.rest()), "memory"),
    ];
    let mut reason = Some(MissingCell::Interval.reason(&measurement.experiment));
    let mut clauses = Vec::new();
    for (metric, of_what, name) in asked {
        let effect = effect(measurement, arm, metric);
        if metric == paired.memory && effect.is_some_and(is_bare) {
            continue;
        }
        let clause = effect.and_then(|effect| clause(effect, metric, &of_what, &mut reason));
        let finding = effect.map_or(Wording::Missing, Wording::of);
        clauses.push((finding, clause.unwrap_or_else(|| name.to_owned())));
    }
    clauses
}

/// Whether the effect has a difference without an interval.
fn is_bare(effect: &Effect) -> bool {
    effect.difference.is_some() && effect.difference_ci95.is_none()
}

/// Memory at rest if no interval shows how far the difference may be chance: the difference, and the number of
/// stand-ups.
fn at_rest(measurement: &Measurement, paired: &Paired, [base, arm]: [&Arm; 2]) -> Option<String> {
    let effect = effect(measurement, arm, paired.memory).filter(|effect| is_bare(effect))?;
    let amount = effect.difference?;
    let seen = if amount.abs() < MEMORY_TOLD_MIB {
        format!("within {} of `{}`", glued(&format!("{MEMORY_TOLD_MIB} MiB")), base.name)
    } else {
        glued(&difference(amount, None, paired.memory.unit()))
    };
    let often = match effect.units {
        None => "no interval".to_owned(),
        Some(1) => "one stand-up".to_owned(),
        Some(stands) => count(stands.into(), "stand-up"),
    };
    Some(format!("Memory {}: {seen} ({}).", paired.rest(), glued(&often)))
}

/// The part of a URL after scheme and host.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or("", |(_, path)| path)
}

/// A clause such as `+3.90 ms [3.70, 4.10] of CPU time (+210 % [198, 223])`. The reason for missing intervals is given
/// once.
fn clause(effect: &Effect, metric: Metric, of_what: &str, reason: &mut Option<String>) -> Option<String> {
    let mut clause = glued(&difference_of(effect, metric.unit())?);
    if effect.difference_ci95.is_none() {
        clause += &format!(" ({})", reason.take().unwrap_or_else(|| glued("no interval")));
    }
    clause = format!("{clause} {of_what}");
    if matches!(metric, Metric::CpuMsPerRequest | Metric::CpuWithClientProxyMsPerRequest)
        && let Some(change) = change_of(effect)
    {
        clause += &format!(" ({})", glued(&change));
    }
    Some(clause)
}

/// The words for an arm at the head of a sentence.
struct ArmSubject {
    /// The arm as the subject.
    noun: String,
    /// The ending of its verb.
    s: &'static str,
    /// The arm as an introduction.
    with: String,
}

impl ArmSubject {
    fn first(arm: &Arm) -> ArmSubject {
        match arm.name.as_str() {
            "sidecar" => ArmSubject { noun: "Sidecars".to_owned(), s: "", with: "With sidecars,".to_owned() },
            name => ArmSubject { noun: format!("Arm `{name}`"), s: "s", with: format!("With arm `{name}`,") },
        }
    }

    fn again(arm: &Arm) -> ArmSubject {
        let (noun, s) = if arm.name == "sidecar" { ("They", "") } else { ("It", "s") };
        ArmSubject { noun: noun.to_owned(), s, with: "And".to_owned() }
    }

    fn opening(&self, finding: Wording, measurement: &Measurement, base: &Arm) -> String {
        let ArmSubject { noun, s, with } = self;
        match finding {
            Wording::More => format!("{noun} cost{s} this application"),
            Wording::Less => format!("{noun} take{s} less than `{}`:", base.name),
            Wording::Equivalent => {
                let margin = margin_percent(&measurement.effects).unwrap_or_default();
                format!("{with} no measurable cost ({}):", glued(&format!("within {margin} %")))
            }
            Wording::Unresolved => format!("{with} no difference resolved:"),
            Wording::Missing => format!("{with} too few samples for"),
        }
    }
}

/// Joins clauses as `a`, `a and b`, or `a and b, and c`: the request's cost, then the cost without any request.
fn listed(clauses: &[String]) -> String {
    match clauses {
        [a, b, c] => format!("{a} and {b}, and {c}"),
        others => others.join(" and "),
    }
}
