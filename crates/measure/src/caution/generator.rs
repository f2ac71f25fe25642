use super::{CautionKind, Run, Witnessed};
use crate::{Caution, ConnectionUse, Metric};

/// The generator's mean lateness may be this share of the mean latency.
const LATE_MEAN: f64 = 0.05;
/// Above this share, the figures show the generator rather than the application.
const LATE_FATAL: f64 = 0.25;
/// The generator's p99 lateness may be this share of the p99 latency.
const LATE_P99: f64 = 0.25;
/// The lateness of an arm may differ from the baseline's by this share of the latency effect, or by the share below of
/// the baseline's latency.
const UNEVEN_EFFECT: f64 = 0.1;
const UNEVEN_LATENCY: f64 = 0.01;

/// Share of requests whose connections may be opened against `keep`, or be missing against `new`.
const OPENED_MAX: f64 = 0.01;
const OPENED_FATAL: f64 = 0.1;

/// The generator's lateness in one arm, and the latency that includes it, both in milliseconds.
struct Lateness {
    mean_ms: f64,
    latency_ms: f64,
    /// Lateness and latency at p99; `None` with too few requests.
    p99_ms: Option<[f64; 2]>,
}

impl Lateness {
    fn of(arm: &Witnessed) -> Option<Self> {
        let lag = arm.seen.lag();
        let p99 = lag.quantile_ns(0.99).zip(arm.latency.quantile_ns(0.99));
        Some(Self {
            mean_ms: lag.mean_ns()? / 1e6,
            latency_ms: arm.latency.mean_ns().filter(|ns| *ns > 0.0)? / 1e6,
            p99_ms: p99.map(|(lag_ns, latency_ns)| [lag_ns / 1e6, latency_ns / 1e6]),
        })
    }

    fn share(&self) -> f64 {
        self.mean_ms / self.latency_ms
    }
}

/// Warns about the generator's lateness, which is part of every latency, if it is large or differs between arms.
pub(super) fn late(run: &Run) -> Vec<Caution> {
    late_in_arms(run).into_iter().chain(late_unevenly(run)).collect()
}

fn late_in_arms(run: &Run) -> Option<Caution> {
    let look = |arm: &Witnessed| {
        let is_far = |[lag_ms, latency_ms]: [f64; 2]| lag_ms > latency_ms * LATE_P99;
        Lateness::of(arm).filter(|late| late.share() > LATE_MEAN || late.p99_ms.is_some_and(is_far))
    };
    let tell = |late: &Lateness| {
        let [of_mean, of_p99] = [[late.mean_ms, late.latency_ms], late.p99_ms.unwrap_or_default()];
        let pair = |[lag_ms, latency_ms]: [f64; 2]| format!("{lag_ms:.3} of {latency_ms:.3} ms");
        match late.p99_ms {
            Some(_) => format!("mean {}, p99 {} of latency", pair(of_mean), pair(of_p99)),
            None => format!("mean {}", pair(of_mean)),
        }
    };
    let seen = run.sighting(look, Lateness::share, tell)?;
    let text = format!(
        "the load generator started requests late ({}): that part of the latency is the generator's own; try a quieter machine \
         or one more core",
        seen.arms
    );
    let kind = CautionKind::GeneratorLate;
    let caution = if seen.worst > LATE_FATAL { kind.fatal(text) } else { kind.caution(text) };
    Some(caution.about(seen.names))
}

fn late_unevenly(run: &Run) -> Option<Caution> {
    let base = Lateness::of(run.arms.first()?)?;
    let effect_ms = |arm: &Witnessed| {
        let is_its = |effect: &&crate::Effect| effect.arm == arm.name && effect.metric == Metric::LatencyMsMean.name();
        run.effects.iter().find(is_its).and_then(|effect| effect.difference).map_or(0.0, f64::abs)
    };
    let look = |arm: &Witnessed| {
        let more_ms = Lateness::of(arm)?.mean_ms - base.mean_ms;
        let allowed_ms = (effect_ms(arm) * UNEVEN_EFFECT).max(base.latency_ms * UNEVEN_LATENCY);
        (more_ms.abs() > allowed_ms).then_some(more_ms)
    };
    let seen = run.sighting(look, |more_ms| more_ms.abs(), |more_ms| format!("{more_ms:+.3} ms"))?;
    let text = format!(
        "the load generator was not equally late in all arms (mean minus the baseline's: {}): that part of the effect is \
         the generator's own; try a quieter machine or one more core",
        seen.arms
    );
    Some(CautionKind::GeneratorLate.caution(text).about(seen.names))
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

/// Warns about connections that were not used as declared. A kept connection opens before a block, so none should open
/// within it. Otherwise there should be one per request. Runs that did not count connections have none.
pub(super) fn connections(run: &Run) -> Vec<Caution> {
    run.arms.iter().filter_map(|arm| connections_of(run, arm)).collect()
}

fn connections_of(run: &Run, arm: &Witnessed) -> Option<Caution> {
    let (opened, requests) = (arm.blocks.iter().map(|block| block.samples.connections).sum::<u64>(), arm.requests());
    if opened == 0 {
        return None;
    }
    let (amiss, text) = match run.observations.facts.connection? {
        ConnectionUse::Keep => (
            opened,
            format!(
                "arm `{}` opened {opened} connections for {requests} requests despite `connection: keep`: \
                 latency includes handshakes; check whether a server or sidecar closes connections (`connection: close`, a limit \
                 of requests per connection, an idle timeout below the think time), or declare `connection: new`",
                arm.name
            ),
        ),
        ConnectionUse::New => {
            let answered = arm.latency.count();
            (
                answered.saturating_sub(opened),
                format!(
                    "arm `{}` opened {opened} connections for {answered} answered requests despite `connection: \
                     new`: handshakes are missing from the latency; please report this",
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
