//! Guards: checks of whether a run's figures can be believed.

mod clock;
mod failure;
mod foreign;
mod generator;
mod interrupts;
mod kind;
mod machine;
mod mix;
mod modes;
mod nagle;
mod noise;
mod rounds;
mod sequence;
mod sidecar;
mod trend;

use crate::series::ArmObservations;
use crate::{Arm, Caution, Effect, Histogram, LoadBlock, Observations, Phase, Reading};

pub use kind::CautionKind;
pub use noise::noise;

/// Probability of a false alarm of each statistical guard, over all arms together, if there is nothing to warn about.
const LEVEL: f64 = 0.01;

/// Warnings about the validity of a run's figures: what was seen, what it may mean, what to try.
///
/// `arms` and `effects` are those that [`measure`](crate::measure) computed from the same observations, with the counts
/// of services and edges if there are any. An arm that is missing there is judged by the observations alone.
pub fn cautions(observations: &Observations, arms: &[Arm], effects: &[Effect]) -> Vec<Caution> {
    let run = Run::of(observations, arms, effects);
    let guards: [fn(&Run) -> Vec<Caution>; 34] = [
        rounds::few_rounds,
        rounds::unpaired_rounds,
        rounds::few_requests,
        generator::late,
        generator::clamped,
        generator::connections,
        failure::errors,
        failure::calls,
        failure::retries,
        failure::restarts,
        mix::request_mix,
        sidecar::concurrency,
        sidecar::concurrency_unverified,
        sidecar::mutual_tls,
        sidecar::mutual_tls_unverified,
        sidecar::limits_missing,
        machine::saturated,
        machine::stolen,
        machine::throttled,
        machine::pressure,
        machine::run_queue,
        foreign::bursts,
        foreign::stopped,
        clock::clocks,
        interrupts::interrupts_apart,
        nagle::nagle,
        modes::modes,
        sequence::not_stationary,
        sequence::autocorrelated,
        trend::latency_drift,
        trend::latency_effect_drift,
        trend::cpu_drift,
        trend::cpu_effect_drift,
        trend::memory_growing,
    ];
    guards.iter().flat_map(|guard| guard(&run)).collect()
}

/// A run as the guards see it.
struct Run<'a> {
    observations: &'a Observations,
    effects: &'a [Effect],
    arms: Vec<Witnessed<'a>>,
}

/// One finding of a guard, in one or several arms.
struct Sighting {
    /// Names of the arms.
    names: Vec<String>,
    /// Each arm with its figure: `` `none` 98 %, `sidecar` 99 % ``.
    arms: String,
    /// The highest figure.
    worst: f64,
}

/// Everything that was observed of one arm.
struct Witnessed<'a> {
    name: &'a str,
    seen: ArmObservations<'a>,
    blocks: Vec<&'a LoadBlock>,
    /// Readings of the blocks.
    loaded: Vec<&'a Reading>,
    /// Latencies of all blocks together.
    latency: Histogram,
    /// What the arm's services counted, if they count.
    told: Option<&'a Arm>,
}

impl<'a> Run<'a> {
    fn of(observations: &'a Observations, arms: &'a [Arm], effects: &'a [Effect]) -> Self {
        let told = |name: &str| arms.iter().find(|arm| arm.name == name);
        let arms = observations.arms.iter().map(|name| Witnessed::of(observations, name, told(name))).collect();
        Self { observations, effects, arms }
    }

    /// Collects what a guard saw in the arms where `look` finds something. Returns `None` if it finds nothing in any
    /// arm.
    fn sighting<T>(
        &self,
        look: impl Fn(&Witnessed) -> Option<T>,
        weigh: impl Fn(&T) -> f64,
        tell: impl Fn(&T) -> String,
    ) -> Option<Sighting> {
        let seen: Vec<(&str, T)> = self.arms.iter().filter_map(|arm| Some((arm.name, look(arm)?))).collect();
        let worst = seen.iter().map(|(_, one)| weigh(one)).reduce(f64::max)?;
        let arms: Vec<String> = seen.iter().map(|(arm, one)| format!("`{arm}` {}", tell(one))).collect();
        let names = seen.iter().map(|(arm, _)| (*arm).to_owned()).collect();
        Some(Sighting { names, arms: arms.join(", "), worst })
    }

    /// Significance level of one arm's test: [`LEVEL`] divided by the number of arms (Bonferroni), so that the whole
    /// guard keeps it.
    fn level(&self) -> f64 {
        LEVEL / self.arms.len().max(1) as f64
    }
}

impl<'a> Witnessed<'a> {
    fn of(observations: &'a Observations, name: &'a str, told: Option<&'a Arm>) -> Self {
        let seen = ArmObservations::of(observations, name);
        let readings = observations.meters.iter();
        Self {
            name,
            latency: seen.latency(),
            seen,
            blocks: observations.load.iter().filter(|block| block.arm == name).collect(),
            loaded: readings.filter(|reading| reading.arm == name && reading.phase == Phase::Load).collect(),
            told,
        }
    }

    /// Number of requests in all blocks.
    fn requests(&self) -> u64 {
        self.blocks.iter().map(|block| block.samples.requests).sum()
    }
}

#[cfg(test)]
mod tests;
