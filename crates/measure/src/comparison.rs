mod caution;
mod change;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::caution::cautions;
use self::change::{arms, overheads};
use crate::series::ArmObservations;
use crate::veto::veto;
use crate::{Caution, Effect, Measurement, Observations, Options};

/// Version of the JSON contract of a [`Comparison`].
pub const COMPARISON_SCHEMA: &str = "meshtax/comparison/v2";

/// Two runs compared: run B against run A.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Always [`COMPARISON_SCHEMA`].
    pub schema: String,
    /// Run A, the one that B is compared with.
    pub a: Measurement,
    /// Run B, the one that is compared.
    pub b: Measurement,
    /// Facts that differ between the runs, apart from their figures.
    pub differences: Vec<Difference>,
    /// Each arm in B compared with the arm of that name in A; `costs` if B takes more.
    pub effects: Vec<Effect>,
    /// Each arm's cost over its own baseline, in B compared with A: `ratio` is the ratio in B over the ratio in A,
    /// `difference` the difference in B minus the difference in A. A change for all arms alike, such as a faster
    /// machine, cancels in the ratio. The verdict is `costs` if the arm adds more in B.
    pub overheads: Vec<Effect>,
    /// Failed requests by arm and kind; empty if none failed in either run.
    #[serde(default)]
    pub failures: Vec<Failures>,
    /// Warnings about the validity of the comparison.
    pub cautions: Vec<Caution>,
}

/// A fact that differs between two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// What the fact describes.
    pub aspect: Aspect,
    /// Name of the fact, such as `kernel`.
    pub name: String,
    /// The fact in run A.
    pub a: String,
    /// The fact in run B.
    pub b: String,
}

/// Requests of one arm that failed in one way. No latency includes their times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failures {
    /// Name of the arm.
    pub arm: String,
    /// Kind of the failure, such as `timeout`.
    pub kind: String,
    /// Number of these failures in run A.
    pub a: u64,
    /// Number of these failures in run B.
    pub b: u64,
}

/// The part of a run that a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The application.
    Topology,
    /// The load on it.
    Load,
    /// The arms of the run.
    Arms,
    /// The machine and its software.
    Environment,
}

impl Aspect {
    /// Whether runs that differ in this aspect answer different questions.
    pub fn is_essential(self) -> bool {
        matches!(self, Self::Topology | Self::Load)
    }
}

/// A completed run.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// The measurement of the run.
    pub measurement: &'a Measurement,
    /// The observations behind it.
    pub observations: &'a Observations,
}

/// Compares run `b` with run `a`, arm by arm, over the arms that both have.
///
/// The figures are those of each run, with the standard errors behind its own intervals: means over rounds, and
/// quantiles of all blocks together, with whole blocks resampled ([`crate::measure`]). The runs' rounds are not paired,
/// so the difference between runs is Welch's t of the two estimates. The primary metrics of overheads get verdicts, as
/// within a run. Arms get them only if `options` ask for it: on a busy machine, 28 of 96 such verdicts between
/// identical runs were wrong. `benches/coverage.rs` shows how well the intervals hold. They include what varied within
/// the runs, and nothing that changed between them. `differences` come from the caller, who knows what each run was
/// asked to do.
pub fn compare(a: &Ended, b: &Ended, differences: Vec<Difference>, options: &Options) -> Comparison {
    let has = |ended: &Ended, name: &str| ended.measurement.arms.iter().any(|arm| arm.name == name);
    let shared: Vec<&str> =
        a.measurement.arms.iter().map(|arm| arm.name.as_str()).filter(|name| has(b, name)).collect();
    let failures: Vec<Failures> = shared.iter().flat_map(|arm| failures(a, b, arm)).collect();
    let mut comparison = Comparison {
        schema: COMPARISON_SCHEMA.to_owned(),
        effects: arms(a, b, &shared, options),
        overheads: overheads(a, b, &shared, options),
        cautions: cautions(a.measurement, b.measurement, &differences, &failures),
        a: a.measurement.clone(),
        b: b.measurement.clone(),
        differences,
        failures,
    };
    let Comparison { effects, overheads, cautions, .. } = &mut comparison;
    if !options.arms_across_runs {
        effects.iter_mut().for_each(unjudge);
    }
    veto(effects, cautions, a.measurement.baseline());
    veto(overheads, cautions, a.measurement.baseline());
    comparison
}

/// Removes the verdict of an effect and what belongs to it, and keeps its figures.
fn unjudge(effect: &mut Effect) {
    let Effect { verdict, p_holm, margin, smallest_resolvable, rounds_needed, .. } = effect;
    (*verdict, *p_holm, *margin, *smallest_resolvable, *rounds_needed) = (None, None, None, None, None);
}

fn failures(a: &Ended, b: &Ended, arm: &str) -> Vec<Failures> {
    let [a, b] = [a, b].map(|ended| ArmObservations::of(ended.observations, arm).errors());
    let kinds: BTreeSet<&str> = a.keys().chain(b.keys()).copied().collect();
    let of = |counts: &BTreeMap<&str, u64>, kind: &str| counts.get(kind).copied().unwrap_or(0);
    let failed = kinds.into_iter().map(|kind| Failures {
        arm: arm.to_owned(),
        kind: kind.to_owned(),
        a: of(&a, kind),
        b: of(&b, kind),
    });
    failed.filter(|failed| failed.a + failed.b > 0).collect()
}

#[cfg(test)]
mod tests;
