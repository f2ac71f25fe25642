use measure::{Effect, Measurement, Metric, Null, Verdict};

use crate::grid::{GridColumn, grid};
use crate::interval::change_of;
use crate::paragraph::paragraph;

/// Why a change does not have the verdict that its interval alone would give it.
pub(crate) const WITHIN_NOISE: &str = "within the noise floor, no larger than its further end";

/// The verdicts on the primary metrics, arm by arm, each with the noise floor beside it: what the same machine showed
/// for the baseline compared with its own copy. Empty without verdicts.
pub(crate) fn verdicts(run: &Measurement) -> String {
    judged("Verdicts", &run.effects, run.null.as_ref()) + &margin(&run.effects)
}

/// The verdicts among effects, as a table under a heading. Empty without any.
pub(crate) fn judged(heading: &str, effects: &[Effect], null: Option<&Null>) -> String {
    let judged: Vec<&Effect> = effects.iter().filter(|effect| effect.verdict.is_some()).collect();
    if judged.is_empty() {
        return String::new();
    }
    let floor = if null.is_some() { "noise floor" } else { "" };
    let p = if judged.iter().any(|effect| effect.p_holm.is_some()) { "p (Holm)" } else { "p" };
    let heading = [heading, "change", p, floor].map(str::to_owned).to_vec();
    let rows = std::iter::once(heading).chain(judged.iter().map(|effect| row(effect, null)));
    grid(&[GridColumn::RIGHT, GridColumn::RIGHT, GridColumn::RIGHT], rows) + &unresolved(&judged)
}

/// The margin within which judged effects count as equivalent. Empty without verdicts.
pub(crate) fn margin(effects: &[Effect]) -> String {
    margin_percent(effects).map_or_else(String::new, |margin| format!("equivalent: within {margin} %\n"))
}

/// The margin in percent.
pub(crate) fn margin_percent(effects: &[Effect]) -> Option<String> {
    effects.iter().find_map(|effect| effect.verdict.and(effect.margin)).map(percent)
}

/// A verdict in words.
pub(crate) fn spelled(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Costs => "costs",
        Verdict::Saves => "saves",
        Verdict::NoMeasurableCost => "no measurable cost",
        Verdict::NotResolvable => "not resolvable here",
        Verdict::NotToBeBelieved => "not to be believed",
    }
}

fn row(effect: &Effect, null: Option<&Null>) -> Vec<String> {
    let words = spelled(effect.verdict.unwrap_or(Verdict::NotResolvable));
    vec![
        format!("{} {}: {words}", effect.arm, name(&effect.metric)),
        relative(effect),
        effect.p_holm.or(effect.p_value).map_or_else(String::new, p_value),
        floor(effect, null).map_or_else(String::new, relative),
    ]
}

/// The same metric of the baseline's copy.
fn floor<'a>(effect: &Effect, null: Option<&'a Null>) -> Option<&'a Effect> {
    null?.effects.iter().find(|null| null.metric == effect.metric)
}

fn relative(effect: &Effect) -> String {
    change_of(effect).unwrap_or_default()
}

pub(crate) fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

fn name(metric: &str) -> &'static str {
    let known = [
        (Metric::LatencyMsMean, "mean"),
        (Metric::LatencyMsP50, "p50"),
        (Metric::LatencyMsP90, "p90"),
        (Metric::CpuMsPerRequest, "CPU"),
    ];
    known.into_iter().find(|(known, _)| known.name() == metric).map_or("?", |(_, name)| name)
}

/// For effects that were not resolved, the change that would have been.
fn unresolved(judged: &[&Effect]) -> String {
    let open = judged.iter().filter(|effect| effect.verdict == Some(Verdict::NotResolvable));
    open.map(|effect| {
        if effect.within_noise {
            return paragraph(&format!("{} {}: {WITHIN_NOISE}", effect.arm, name(&effect.metric)), 2);
        }
        let smallest = effect.smallest_resolvable.map(|smallest| {
            format!(
                "{} {}: a change of {} % would have been resolved",
                effect.arm,
                name(&effect.metric),
                percent(smallest)
            )
        });
        let rounds = effect.rounds_needed.map(|rounds| format!("; {rounds} rounds would resolve the margin"));
        smallest.map_or_else(String::new, |smallest| paragraph(&(smallest + &rounds.unwrap_or_default()), 2))
    })
    .collect()
}

/// A share in percent, with two significant digits.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 { format!("{percent:.0}") } else { format!("{percent:.1}").trim_end_matches(".0").to_owned() }
}
