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

/// Version of the JSON that a [`Comparison`] is written as.
pub const COMPARISON_SCHEMA: &str = "meshtax/comparison/v2";

/// Two runs against each other: run B against run A.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Always [`COMPARISON_SCHEMA`].
    pub schema: String,
    /// The run that is compared with.
    pub a: Measurement,
    /// The run that is compared.
    pub b: Measurement,
    /// What else than the figures differs between the runs.
    pub differences: Vec<Difference>,
    /// Each arm in B against the arm of that name in A: `costs` where B takes more.
    pub effects: Vec<Effect>,
    /// What each arm costs beside its own baseline, in B against A: `ratio` is the ratio in B over the ratio in A,
    /// `difference` the difference in B less the difference in A. What changed for all arms alike, such as a faster
    /// machine, cancels in the ratio. `costs` where the arm adds more in B.
    pub overheads: Vec<Effect>,
    /// Failed requests, arm by arm and kind by kind; empty where none failed in either run.
    #[serde(default)]
    pub failures: Vec<Failures>,
    /// Warnings about the validity of the comparison.
    pub cautions: Vec<Caution>,
}

/// A fact that is not the same in both runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// What it is about.
    pub aspect: Aspect,
    /// Name of the fact, such as `kernel`.
    pub name: String,
    /// What it is in A.
    pub a: String,
    /// What it is in B.
    pub b: String,
}

/// Requests of one arm that failed in one way; their times are in no latency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failures {
    /// Name of the arm.
    pub arm: String,
    /// Kind of the failure, such as `timeout`.
    pub kind: String,
    /// How many failed in A.
    pub a: u64,
    /// How many failed in B.
    pub b: u64,
}

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The application.
    Topology,
    /// How it was asked.
    Load,
    /// What was compared within the run.
    Arms,
    /// Where it was run.
    Environment,
}

impl Aspect {
    /// Whether figures of runs that differ in this answer different questions.
    pub fn is_essential(self) -> bool {
        matches!(self, Self::Topology | Self::Load)
    }
}

/// A run that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// What it measured.
    pub measurement: &'a Measurement,
    /// What it saw.
    pub observations: &'a Observations,
}

/// Run `b` against run `a`, arm by arm, over the arms that both have.
///
/// The figures are those of each run, with the standard errors that its own intervals rest on: means over rounds, and
/// quantiles of all blocks together, whole blocks drawn again ([`crate::measure`]). The runs' rounds are not paired, so
/// what the runs differ by is Welch's t of the two estimates. The primary metrics of overheads get verdicts, as within a run;
/// those of arms only where `options` ask for it: on a busy machine, 28 of 96 such verdicts between identical runs were wrong.
/// `benches/coverage.rs` shows how far the intervals hold; they hold what varied within the runs, and nothing of what
/// changed between them. `differences` come from the caller, who knows what was asked of each run.
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

/// Leaves the figures of an effect and nothing of its verdict.
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
