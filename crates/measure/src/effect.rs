use crate::interval::{interval_95, mean};
use crate::series::{Seen, Series};
use crate::{Arm, Effect, Metric, Observations};

/// What each arm showed and what each differs by from the first, in the order of the arms and of [`Metric::ALL`].
///
/// The block is the unit: effects are paired by round, over the rounds that both arms completed. A ratio is the
/// geometric mean of the rounds' ratios, its interval Student's on their logarithms (Fleming and Wallace, "How not to
/// lie with statistics", CACM 29(3), 1986, for the geometric mean); a difference is the mean of the rounds' differences.
/// `services` and `edges` of the arms are left empty: only the services themselves can tell.
pub fn measure(observations: &Observations) -> (Vec<Arm>, Vec<Effect>) {
    let seen: Vec<(&String, Vec<Series>)> = observations.arms.iter().map(|arm| (arm, all(observations, arm))).collect();
    let arms = seen.iter().map(|(name, series)| arm(name, series)).collect();
    let effects = seen.split_first().map_or_else(Vec::new, |((_, base), others)| {
        others.iter().flat_map(|(name, series)| effects(name, base, series)).collect()
    });
    (arms, effects)
}

/// One series for each of [`Metric::ALL`].
fn all(observations: &Observations, arm: &str) -> Vec<Series> {
    let seen = Seen::of(observations, arm);
    Metric::ALL.into_iter().map(|metric| seen.series(metric)).collect()
}

fn arm(name: &str, series: &[Series]) -> Arm {
    let metrics = Metric::ALL.into_iter().zip(series);
    let metrics = metrics.map(|(metric, series)| (metric.name().to_owned(), series.value(metric))).collect();
    Arm { name: name.to_owned(), metrics, services: Vec::new(), edges: Vec::new() }
}

fn effects(arm: &str, base: &[Series], series: &[Series]) -> Vec<Effect> {
    let pairs = Metric::ALL.into_iter().zip(base.iter().zip(series));
    pairs.map(|(metric, (base, series))| effect(arm, metric, base, series)).collect()
}

/// How a metric is compared.
enum Comparison {
    /// Round by round: the effect on one round.
    Rounds,
    /// Round by round: the effect on all of them together.
    Totals,
    /// The two figures; a maximum of rounds has no interval from rounds.
    Figures,
}

impl Comparison {
    fn of(metric: Metric) -> Self {
        match metric {
            Metric::WaitSTotal | Metric::CpuSTotal | Metric::Requests | Metric::Errors => Self::Totals,
            Metric::CpuPeakCores => Self::Figures,
            _ => Self::Rounds,
        }
    }
}

fn effect(arm: &str, metric: Metric, base: &Series, series: &Series) -> Effect {
    let mut effect = Effect { arm: arm.to_owned(), metric: metric.name().to_owned(), ..Effect::default() };
    // A figure that one arm has too few samples for has no effect either.
    let (Some(base_value), Some(value)) = (base.value, series.value) else { return effect };
    let pairs = match Comparison::of(metric) {
        Comparison::Figures => vec![(base_value, value)],
        Comparison::Rounds | Comparison::Totals => paired(base, series),
    };
    let times = if matches!(Comparison::of(metric), Comparison::Totals) { pairs.len() as f64 } else { 1.0 };

    let differences: Vec<f64> = pairs.iter().map(|(base, value)| value - base).collect();
    effect.difference = mean(&differences).map(|mean| mean * times);
    effect.difference_ci95 = interval_95(&differences).map(|ends| ends.map(|end| end * times));
    if let Some(ratios) = log_ratios(&pairs) {
        effect.ratio = mean(&ratios).map(f64::exp);
        effect.ratio_ci95 = interval_95(&ratios).map(|ends| ends.map(f64::exp));
    }
    effect
}

/// The values of both in the rounds that both have.
fn paired(base: &Series, series: &Series) -> Vec<(f64, f64)> {
    let both = base.by_round.iter().filter_map(|(round, base)| Some((*base, *series.by_round.get(round)?)));
    both.collect()
}

/// ln(value / base) of each pair; none if any of them has no logarithm.
fn log_ratios(pairs: &[(f64, f64)]) -> Option<Vec<f64>> {
    let log = |(base, value): &(f64, f64)| (*base > 0.0 && *value > 0.0).then(|| (value / base).ln());
    pairs.iter().map(log).collect()
}
