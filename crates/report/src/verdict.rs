use measure::{Effect, Measurement, Metric, Verdict};

use crate::figure::change;
use crate::grid::{Column, grid};

/// What the primary metrics come to, arm by arm, and beside each the noise floor: what the same machine showed for the
/// baseline against its own copy. Empty where nothing was judged.
pub(crate) fn verdicts(run: &Measurement) -> String {
    let judged: Vec<&Effect> = run.effects.iter().filter(|effect| effect.verdict.is_some()).collect();
    let Some(first) = judged.first() else { return String::new() };
    let margin = first.margin.map_or_else(String::new, |margin| format!("equivalent: within {} %\n", percent(margin)));
    let floor = if run.null.is_some() { "noise floor" } else { "" };
    let heading = ["Verdicts", "change", "p", floor].map(str::to_owned).to_vec();
    let rows = std::iter::once(heading).chain(judged.iter().map(|effect| row(effect, run)));
    grid(&[Column::RIGHT, Column::RIGHT, Column::RIGHT], rows) + &unresolved(&judged) + &margin
}

/// A verdict in words.
pub(crate) fn spelled(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Costs => "costs",
        Verdict::Saves => "saves",
        Verdict::NoMeasurableCost => "no measurable cost",
        Verdict::NotResolvable => "not resolvable here",
    }
}

fn row(effect: &Effect, run: &Measurement) -> Vec<String> {
    let words = spelled(effect.verdict.unwrap_or(Verdict::NotResolvable));
    vec![
        format!("{} {}: {words}", effect.arm, name(&effect.metric)),
        relative(effect),
        effect.p_value.map_or_else(String::new, p_value),
        floor(effect, run).map_or_else(String::new, relative),
    ]
}

/// The same metric of the baseline's copy.
fn floor<'a>(effect: &Effect, run: &'a Measurement) -> Option<&'a Effect> {
    run.null.as_ref()?.effects.iter().find(|null| null.metric == effect.metric)
}

fn relative(effect: &Effect) -> String {
    effect.ratio.map_or_else(String::new, |ratio| change(ratio, effect.ratio_ci95))
}

fn p_value(p: f64) -> String {
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

/// What would have been resolved, for those that were not.
fn unresolved(judged: &[&Effect]) -> String {
    let open = judged.iter().filter(|effect| effect.verdict == Some(Verdict::NotResolvable));
    open.map(|effect| {
        let smallest = effect.smallest_resolvable.map(|smallest| {
            format!(
                "{} {}: a change of {} % would have been resolved",
                effect.arm,
                name(&effect.metric),
                percent(smallest)
            )
        });
        let rounds = effect.rounds_needed.map(|rounds| format!("; {rounds} rounds would resolve the margin"));
        smallest.map_or_else(String::new, |smallest| smallest + &rounds.unwrap_or_default() + "\n")
    })
    .collect()
}

/// A share in percent, with two significant digits.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 { format!("{percent:.0}") } else { format!("{percent:.1}").trim_end_matches(".0").to_owned() }
}
