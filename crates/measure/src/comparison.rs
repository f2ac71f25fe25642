use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::series::{Seen, Series};
use crate::welch::{Side, Welch};
use crate::{Caution, Effect, Measurement, Metric, Observations};

/// Version of the JSON that a [`Comparison`] is written as.
pub const COMPARISON_SCHEMA: &str = "meshtax/comparison/v1";

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
    /// Each arm in B against the arm of that name in A.
    pub effects: Vec<Effect>,
    /// What each arm costs beside its own baseline, in B against A: `ratio` is the ratio in B over the ratio in A,
    /// `difference` the difference in B less the difference in A. What changed for all arms alike, such as a faster
    /// machine, cancels in the ratio.
    pub overheads: Vec<Effect>,
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
/// The runs' rounds are not paired, so the intervals are Welch's, on the logarithms of the rounds' values for ratios and
/// on the values themselves for differences. They hold what varied within the runs, and nothing of what changed between
/// them. `differences` come from the caller, who knows what was asked of each run.
pub fn compare(a: &Ended, b: &Ended, differences: Vec<Difference>) -> Comparison {
    let has = |ended: &Ended, name: &str| ended.measurement.arms.iter().any(|arm| arm.name == name);
    let shared: Vec<&str> =
        a.measurement.arms.iter().map(|arm| arm.name.as_str()).filter(|name| has(b, name)).collect();
    Comparison {
        schema: COMPARISON_SCHEMA.to_owned(),
        effects: shared.iter().flat_map(|arm| effects(arm, &all(a, arm), &all(b, arm))).collect(),
        overheads: overheads(a, b, &shared),
        cautions: cautions(a.measurement, b.measurement, &differences),
        a: a.measurement.clone(),
        b: b.measurement.clone(),
        differences,
    }
}

/// One metric as it is compared: values of rounds or windows, and what is known of their logarithms.
struct Values {
    /// The figure of the whole run; none where there are too few samples for it.
    figure: Option<f64>,
    /// One value for each round.
    values: Vec<f64>,
    /// Their logarithms; none if any value has none.
    logs: Option<Vec<f64>>,
}

impl Values {
    fn of(series: &Series) -> Self {
        let values: Vec<f64> = series.by_round.values().copied().collect();
        let logs = values.iter().map(|value| (*value > 0.0).then(|| value.ln())).collect();
        Self { figure: series.value, values, logs }
    }

    /// A series beside its baseline: differences and log-ratios of the rounds that both have.
    fn beside(base: &Series, series: &Series) -> Self {
        let pairs: Vec<(f64, f64)> =
            base.by_round.iter().filter_map(|(round, base)| Some((*base, *series.by_round.get(round)?))).collect();
        let log = |(base, value): &(f64, f64)| (*base > 0.0 && *value > 0.0).then(|| (value / base).ln());
        Self {
            figure: base.value.zip(series.value).map(|(base, value)| value - base),
            values: pairs.iter().map(|(base, value)| value - base).collect(),
            logs: pairs.iter().map(log).collect(),
        }
    }
}

/// None where the runs have other baselines: ratios to different things have nothing to say to each other.
fn overheads(a: &Ended, b: &Ended, shared: &[&str]) -> Vec<Effect> {
    let Some(base) = baseline(a).filter(|base| baseline(b) == Some(base)) else { return Vec::new() };
    let arms = shared.iter().filter(|arm| **arm != base);
    arms.flat_map(|arm| effects(arm, &over(a, base, arm), &over(b, base, arm))).collect()
}

fn baseline<'a>(ended: &Ended<'a>) -> Option<&'a str> {
    ended.measurement.arms.first().map(|arm| arm.name.as_str())
}

fn all(ended: &Ended, arm: &str) -> Vec<Values> {
    let seen = Seen::of(ended.observations, arm);
    Metric::ALL.into_iter().map(|metric| Values::of(&seen.series(metric))).collect()
}

fn over(ended: &Ended, base: &str, arm: &str) -> Vec<Values> {
    let (base, seen) = (Seen::of(ended.observations, base), Seen::of(ended.observations, arm));
    let beside = |metric| Values::beside(&base.series(metric), &seen.series(metric));
    Metric::ALL.into_iter().map(beside).collect()
}

fn effects(arm: &str, a: &[Values], b: &[Values]) -> Vec<Effect> {
    let metrics = Metric::ALL.into_iter().zip(a.iter().zip(b));
    metrics.map(|(metric, (a, b))| effect(arm, metric, a, b)).collect()
}

fn effect(arm: &str, metric: Metric, a: &Values, b: &Values) -> Effect {
    let mut effect = Effect { arm: arm.to_owned(), metric: metric.name().to_owned(), ..Effect::default() };
    // A figure that one run has too few samples for has no effect either.
    let (Some(figure_a), Some(figure_b)) = (a.figure, b.figure) else { return effect };
    if metric == Metric::CpuPeakCores {
        // A maximum of rounds has no interval from rounds.
        effect.difference = Some(figure_b - figure_a);
        effect.ratio = (figure_a > 0.0 && figure_b > 0.0).then(|| figure_b / figure_a);
        return effect;
    }
    let times = |values: &Values| if metric.is_total() { values.values.len() as f64 } else { 1.0 };
    let plain = |values| Side { values, times: 1.0 };
    let [total_a, total_b] = [a, b].map(|run| Side { values: &run.values, times: times(run) });
    if let Some(welch) = Welch::of(&total_a, &total_b) {
        effect.difference = Some(welch.difference);
        effect.difference_ci95 = welch.interval_95();
    }
    if let (Some(logs_a), Some(logs_b)) = (&a.logs, &b.logs)
        && let Some(welch) = Welch::of(&plain(logs_a), &plain(logs_b))
    {
        let shift = (times(b) / times(a)).ln();
        effect.ratio = Some((welch.difference + shift).exp());
        effect.ratio_ci95 = welch.interval_95().map(|ends| ends.map(|end| (end + shift).exp()));
        effect.p_value = welch.p_value();
    }
    effect
}

fn cautions(a: &Measurement, b: &Measurement, differences: &[Difference]) -> Vec<Caution> {
    let of_runs =
        [("A", a), ("B", b)].into_iter().flat_map(|(name, run)| [interrupted(name, run), doubtful(name, run)]);
    let of_both = [not_comparable(differences), other_environment(differences)];
    of_both.into_iter().chain(of_runs).flatten().collect()
}

fn caution(kind: &str, fatal: bool, text: String) -> Option<Caution> {
    Some(Caution { kind: kind.to_owned(), text, fatal })
}

fn not_comparable(differences: &[Difference]) -> Option<Caution> {
    let facts = facts(differences, Aspect::is_essential)?;
    let means = "their figures answer different questions; compare runs of one topology under one load";
    caution("not_comparable", true, format!("the runs differ in {facts}: {means}"))
}

fn other_environment(differences: &[Difference]) -> Option<Caution> {
    let facts = facts(differences, |aspect| aspect == Aspect::Environment)?;
    let means = "their arms may differ for that reason alone; trust what each arm costs beside its own baseline more than \
                 the arms themselves";
    caution("other_environment", false, format!("the runs differ in {facts}: {means}"))
}

/// The names of what differs in such aspects; none if nothing does.
fn facts(differences: &[Difference], wanted: impl Fn(Aspect) -> bool) -> Option<String> {
    let names: Vec<&str> =
        differences.iter().filter(|found| wanted(found.aspect)).map(|found| found.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn interrupted(name: &str, run: &Measurement) -> Option<Caution> {
    if run.experiment.complete {
        return None;
    }
    caution("interrupted", false, format!("run {name} was interrupted: it has fewer rounds than were asked for"))
}

fn doubtful(name: &str, run: &Measurement) -> Option<Caution> {
    if run.cautions.is_empty() {
        return None;
    }
    let kinds: Vec<&str> = run.cautions.iter().map(|caution| caution.kind.as_str()).collect();
    let fatal = run.cautions.iter().any(|caution| caution.fatal);
    let text = format!("run {name} has cautions of its own: {}; read its report before this one", kinds.join(", "));
    caution("cautions_of_run", fatal, text)
}

#[cfg(test)]
mod tests;
