use super::{CautionKind, Run, Witnessed};
use crate::{Caution, ConnectionUse, Histogram, Metric};

/// The generator may be late by this share of the latency effect, or by [`LAG_OF_LATENCY`] of the latency.
const LAG_OF_EFFECT: f64 = 0.1;
const LAG_OF_LATENCY: f64 = 0.01;
/// Later than the whole effect and than this share of the latency, what is measured is the generator.
const LAG_FATAL: f64 = 0.1;

/// Connections that were opened although one was to be kept, or that are missing, per request.
const OPENED_MAX: f64 = 0.01;
const OPENED_FATAL: f64 = 0.1;

/// Lateness is part of latency. It falls on all arms alike, yet adds noise where it is not small beside the effect.
pub(super) fn late(run: &Run) -> Vec<Caution> {
    let mut lag = Histogram::new();
    run.arms.iter().for_each(|arm| lag.merge(&arm.seen.lag()));
    let latency_ms = run.arms.first().and_then(|arm| arm.latency.mean_ns()).map(|ns| ns / 1e6);
    let (Some(lag_ns), Some(latency_ms)) = (lag.quantile_ns(0.99), latency_ms) else { return Vec::new() };
    let lag_ms = lag_ns / 1e6;
    let of_latency = run.effects.iter().filter(|effect| effect.metric == Metric::LatencyMsMean.name());
    let effect_ms = of_latency.filter_map(|effect| Some(effect.difference?.abs())).fold(0.0, f64::max);
    if lag_ms <= (effect_ms * LAG_OF_EFFECT).max(latency_ms * LAG_OF_LATENCY) {
        return Vec::new();
    }
    let text = format!(
        "one request in a hundred was started {lag_ms:.3} ms late or more, beside a latency effect of {effect_ms:.3} ms: \
         part of the latency may be the load generator's own; try a quieter machine or a core more"
    );
    let is_fatal = lag_ms > effect_ms.max(latency_ms * LAG_FATAL);
    vec![if is_fatal { CautionKind::GeneratorLate.fatal(text) } else { CautionKind::GeneratorLate.caution(text) }]
}

pub(super) fn clamped(run: &Run) -> Vec<Caution> {
    run.arms.iter().filter_map(clamped_in).collect()
}

fn clamped_in(arm: &Witnessed) -> Option<Caution> {
    let clamped = arm.latency.clamped();
    let text = format!(
        "arm `{}` has {clamped} latencies of an hour or more: they count as one hour; try a shorter timeout",
        arm.name
    );
    (clamped > 0).then(|| CautionKind::Clamped.caution(text).about([arm.name]))
}

/// A kept connection is open before a block begins, so none is opened in it; there should be as many new ones as requests.
/// Runs that did not count connections show none at all.
pub(super) fn connections(run: &Run) -> Vec<Caution> {
    run.arms.iter().filter_map(|arm| connections_of(run, arm)).collect()
}

fn connections_of(run: &Run, arm: &Witnessed) -> Option<Caution> {
    let (opened, requests) = (arm.blocks.iter().map(|block| block.connections).sum::<u64>(), arm.requests());
    if opened == 0 {
        return None;
    }
    let (amiss, text) = match run.observations.facts.connection? {
        ConnectionUse::Keep => (
            opened,
            format!(
                "arm `{}` opened {opened} connections for {requests} requests although one was to be kept: \
                 latency includes handshakes; see whether a server or sidecar ends connections (`connection: close`, a limit \
                 of requests per connection, an idle timeout below the think time), or declare `connection: new`",
                arm.name
            ),
        ),
        ConnectionUse::New => {
            let answered = arm.latency.count();
            (
                answered.saturating_sub(opened),
                format!(
                    "arm `{}` opened {opened} connections for {answered} answered requests although each was to have its \
                     own: handshakes are missing from the latency; please report this",
                    arm.name
                ),
            )
        }
    };
    let share = amiss as f64 / requests.max(1) as f64;
    let kind = CautionKind::Connections;
    match share {
        _ if share > OPENED_FATAL => Some(kind.fatal(text).about([arm.name])),
        _ if share > OPENED_MAX => Some(kind.caution(text).about([arm.name])),
        _ => None,
    }
}
