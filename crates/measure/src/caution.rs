use std::collections::BTreeSet;

use crate::interval::{ROUNDS_EXACT, ROUNDS_MIN};
use crate::series::Seen;
use crate::{Caution, Effect, Histogram, Metric, Observations, samples_needed};

/// The hypervisor may take this share of the machine before it is worth a word.
const STOLEN_MAX: f64 = 0.01;

/// From this share of the machine on, requests wait for processors.
const NODE_PERCENT_MAX: f64 = 80.0;

/// The generator may be late by this share of the latency effect, or by [`LAG_OF_LATENCY`] of the latency.
const LAG_OF_EFFECT: f64 = 0.1;
const LAG_OF_LATENCY: f64 = 0.01;

/// Warnings about the validity of a run's numbers: what was seen, what it may mean, what to try.
///
/// `effects` are those that [`measure`](crate::measure) computed from the same observations.
pub fn cautions(observations: &Observations, effects: &[Effect]) -> Vec<Caution> {
    let arms: Vec<_> = observations.arms.iter().map(|arm| (arm.as_str(), Seen::of(observations, arm))).collect();
    let of_run = [few_rounds(&arms), unpaired_rounds(&arms), few_requests(&arms), generator_late(&arms, effects)];
    let of_arms =
        [errors, saturated, stolen, clamped].map(|caution| arms.iter().filter_map(caution).collect::<Vec<_>>());
    of_run.into_iter().flatten().chain(of_arms.into_iter().flatten()).collect()
}

type Named<'a> = (&'a str, Seen<'a>);

fn caution(kind: &str, text: String) -> Option<Caution> {
    Some(Caution { kind: kind.to_owned(), text, fatal: false })
}

/// Rounds that some arm completed, and those that all did.
fn rounds(arms: &[Named]) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let sets: Vec<BTreeSet<u32>> = arms.iter().map(|(_, seen)| seen.rounds().collect()).collect();
    let some = sets.iter().flatten().copied().collect();
    let all = sets.into_iter().reduce(|left, right| &left & &right).unwrap_or_default();
    (some, all)
}

fn few_rounds(arms: &[Named]) -> Option<Caution> {
    let count = rounds(arms).1.len();
    let means = match count {
        0..ROUNDS_MIN => format!("intervals need {ROUNDS_MIN}, so there are none and any difference may be chance"),
        ROUNDS_MIN..ROUNDS_EXACT => format!("below {ROUNDS_EXACT} the intervals are approximate"),
        _ => return None,
    };
    let seen = if count == 1 { "1 round was".to_owned() } else { format!("{count} rounds were") };
    caution("few_rounds", format!("{seen} completed by all arms: {means}; try `--rounds {ROUNDS_EXACT}` or more"))
}

fn unpaired_rounds(arms: &[Named]) -> Option<Caution> {
    let (some, all) = rounds(arms);
    let unpaired = some.len() - all.len();
    if unpaired == 0 {
        return None;
    }
    caution(
        "unpaired_rounds",
        format!(
            "{unpaired} of {} rounds lack a block of some arm: the arms' own totals cover different rounds, only effects \
             compare like with like; let the run end by itself",
            some.len()
        ),
    )
}

fn few_requests(arms: &[Named]) -> Option<Caution> {
    let fewest = arms.iter().map(|(_, seen)| seen.latency().count()).min()?;
    let quantiles =
        Metric::ALL.into_iter().filter_map(|metric| Some((metric.name(), samples_needed(metric.quantile()?))));
    let (missing, needed): (Vec<&str>, Vec<u64>) = quantiles.filter(|(_, needed)| fewest < *needed).unzip();
    let most = needed.into_iter().max()?;
    caution(
        "few_requests",
        format!(
            "an arm has only {fewest} answered requests: too few for {}, which would rest on a handful of outliers; try \
             `--requests {most}` or more",
            missing.join(", ")
        ),
    )
}

/// Lateness is part of latency. It falls on all arms alike, yet adds noise where it is not small beside the effect.
fn generator_late(arms: &[Named], effects: &[Effect]) -> Option<Caution> {
    let mut lag = Histogram::new();
    arms.iter().for_each(|(_, seen)| lag.merge(&seen.lag()));
    let lag_ms = lag.quantile_ns(0.99)? / 1e6;
    let latency_ms = arms.first()?.1.series(Metric::LatencyMsMean).value?;
    let of_latency = effects.iter().filter(|effect| effect.metric == Metric::LatencyMsMean.name());
    let effect_ms = of_latency.filter_map(|effect| Some(effect.difference?.abs())).fold(0.0, f64::max);
    if lag_ms <= (effect_ms * LAG_OF_EFFECT).max(latency_ms * LAG_OF_LATENCY) {
        return None;
    }
    caution(
        "generator_late",
        format!(
            "one request in a hundred was started {lag_ms:.3} ms late or more, beside a latency effect of \
             {effect_ms:.3} ms: part of the latency may be the load generator's own; try a quieter machine or a core more"
        ),
    )
}

fn errors((arm, seen): &Named) -> Option<Caution> {
    let kinds = seen.errors();
    let total: u64 = kinds.values().sum();
    if total == 0 {
        return None;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    caution(
        "errors",
        format!(
            "arm `{arm}` had {total} failed requests ({}): they are in no latency, and an arm that fails early looks fast; \
             see the logs in the run folder",
            kinds.join(", ")
        ),
    )
}

fn saturated((arm, seen): &Named) -> Option<Caution> {
    let percent = seen.series(Metric::CpuNodePercent).value.filter(|percent| *percent > NODE_PERCENT_MAX)?;
    caution(
        "saturated",
        format!(
            "the machine was {percent:.0} % busy while arm `{arm}` was under load: latency may be waiting for processors \
             rather than work; try a longer think time or a larger machine"
        ),
    )
}

fn stolen((arm, seen): &Named) -> Option<Caution> {
    let stolen = seen.stolen().filter(|share| *share > STOLEN_MAX)? * 100.0;
    caution(
        "stolen",
        format!(
            "the hypervisor took {stolen:.1} % of the machine while arm `{arm}` was under load: latency and its spread may \
             be those of other guests; try more rounds, or a machine of one's own"
        ),
    )
}

fn clamped((arm, seen): &Named) -> Option<Caution> {
    let clamped = seen.latency().clamped();
    if clamped == 0 {
        return None;
    }
    caution(
        "clamped",
        format!(
            "arm `{arm}` has {clamped} latencies of an hour or more: they count as one hour; try a shorter timeout"
        ),
    )
}
