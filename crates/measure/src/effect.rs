use crate::estimate::Estimate;
use crate::pool::Pools;
use crate::rank::{hodges_lehmann, wilcoxon_p};
use crate::series::{ArmObservations, Series};
use crate::unit::Units;
use crate::verdict::judge;
use crate::{Arm, Effect, Metric, Null, Observations, Verdict};

/// Name of the arm that is a copy of the baseline.
pub const NULL_ARM: &str = "null";

/// Settings that decide verdicts, beside the observations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Relative change within which arms count as equivalent, such as 0.02 for 2 %; above zero.
    pub margin: f64,
    /// Whether an arm of one run gets a verdict against itself in another. Two runs are two stand-ups, perhaps on two
    /// machines, and intervals over rounds do not include what changed between them.
    pub arms_across_runs: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { margin: 0.02, arms_across_runs: false }
    }
}

/// The results of a run.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Every arm, in the order of the observations. `services` and `edges` are empty and `recorded` is `None`, because
    /// only the services know them.
    pub arms: Vec<Arm>,
    /// The other arms compared with the baseline, in the order of the arms and of [`Metric::ALL`].
    pub effects: Vec<Effect>,
    /// The copy of the baseline compared with it; `None` without such a copy beside other arms.
    pub null: Option<Null>,
}

/// Computes the figures of each arm, and the effects of all others against the first.
///
/// The block is the unit: effects are paired by round, over the rounds that both arms completed. If the lab stood up
/// several times, the stand-up is the unit instead. An arm's processes differ a little for as long as they live, so
/// blocks of one stand-up are not independent (Kalibera and Jones call such units the highest level of repetition).
/// Memory and figures at rest have intervals over stand-ups only.
///
/// - Means, totals and resources: a ratio is the geometric mean of the rounds' ratios (Fleming and Wallace, "How not to
///   lie with statistics", CACM 29(3), 1986), its interval Student's on their logarithms; a difference is the mean of the
///   rounds' differences. Repetition at the level that varies, here the block: Kalibera and Jones, "Rigorous benchmarking
///   in reasonable time", ISMM 2013.
/// - Quantiles: the ratio and the difference of the quantiles of all paired blocks together, with standard errors from
///   rounds drawn again.
///
/// The primary metrics ([`Metric::PRIMARY`]) get verdicts. An arm called [`NULL_ARM`] is the noise floor if there are
/// arms beside it and the baseline, else an arm as any other.
pub fn measure(observations: &Observations, options: &Options) -> Measured {
    let sides: Vec<ComparedArm> = observations.arms.iter().map(|arm| ComparedArm::of(observations, arm)).collect();
    let mut measured =
        Measured { arms: sides.iter().map(ComparedArm::figures).collect(), effects: Vec::new(), null: None };
    let Some((base, others)) = sides.split_first() else { return measured };
    for arm in others {
        let effects = effects(base, arm, Units(observations.stands), options);
        if arm.name == NULL_ARM && others.len() > 1 {
            measured.null = Some(Null { effects });
        } else {
            measured.effects.extend(effects);
        }
    }
    if let Some(null) = &measured.null {
        measured.effects.iter_mut().for_each(|effect| mute(effect, null));
    }
    measured
}

/// Removes the verdict of an effect that is no larger, as a ratio, than the farther end of the noise floor's interval.
fn mute(effect: &mut Effect, null: &Null) {
    let floor = null.effects.iter().find(|floor| floor.metric == effect.metric);
    let ends = floor.and_then(|floor| floor.ratio_ci95).map(|ends| ends.map(|end| end.ln().abs()));
    let size = effect.ratio.map(|ratio| ratio.ln().abs());
    let is_within = size.zip(ends).is_some_and(|(size, [low, high])| size <= low.max(high));
    if is_within && matches!(effect.verdict, Some(Verdict::Costs | Verdict::Saves)) {
        (effect.verdict, effect.within_noise) = (Some(Verdict::NotResolvable), true);
    }
}

/// One metric of every arm except the noise floor, compared with the baseline, without verdicts.
pub(crate) fn effects_in(observations: &Observations, metric: Metric) -> Vec<Effect> {
    let Some((base, others)) = observations.arms.split_first() else { return Vec::new() };
    let base = ArmObservations::of(observations, base);
    let units = Units(observations.stands);
    let series = base.series(metric);
    let compared = others.iter().filter(|arm| *arm != NULL_ARM || others.len() == 1);
    compared
        .map(|arm| {
            let seen = ArmObservations::of(observations, arm);
            let pools = metric.quantile().map(|_| Pools::of(&units.merged(&base.latencies_beside(&seen))));
            Compared::of(metric, [&series, &seen.series(metric)], pools.as_ref(), units).effect(arm, metric)
        })
        .collect()
}

/// One arm of a comparison: its observations, and one series for each of [`Metric::ALL`].
struct ComparedArm<'a> {
    name: &'a str,
    seen: ArmObservations<'a>,
    series: Vec<Series>,
}

impl<'a> ComparedArm<'a> {
    fn of(observations: &'a Observations, name: &'a str) -> Self {
        let seen = ArmObservations::of(observations, name);
        let series = Metric::ALL.into_iter().map(|metric| seen.series(metric)).collect();
        Self { name, seen, series }
    }

    fn figures(&self) -> Arm {
        let metrics = Metric::ALL.into_iter().zip(&self.series);
        let metrics = metrics.map(|(metric, series)| (metric.name().to_owned(), series.value(metric))).collect();
        Arm {
            name: self.name.to_owned(),
            metrics,
            proxies: self.seen.proxies(),
            services: Vec::new(),
            edges: Vec::new(),
            recorded: None,
            gateway: None,
            programs: None,
            client_proxy: None,
            held: None,
        }
    }
}

fn effects(base: &ComparedArm, arm: &ComparedArm, units: Units, options: &Options) -> Vec<Effect> {
    let pools = Pools::of(&units.merged(&base.seen.latencies_beside(&arm.seen)));
    let pairs = Metric::ALL.into_iter().zip(base.series.iter().zip(&arm.series));
    let compared = |(metric, (base, series))| Compared::of(metric, [base, series], Some(&pools), units);
    let mut effects = judged(arm.name, pairs.map(compared), options);
    for effect in &mut effects {
        effect.rounds_needed = effect.rounds_needed.map(|needed| needed.saturating_mul(units.rounds()));
    }
    effects
}

/// The effects of one arm, one for each of [`Metric::ALL`] in its order, with verdicts for the primary metrics.
pub(crate) fn judged(arm: &str, compared: impl Iterator<Item = Compared>, options: &Options) -> Vec<Effect> {
    let (mut effects, log_ratios): (Vec<Effect>, Vec<Option<Estimate>>) = Metric::ALL
        .into_iter()
        .zip(compared)
        .map(|(metric, compared)| (compared.effect(arm, metric), compared.log_ratio))
        .unzip();
    let of_metrics = Metric::ALL.into_iter().zip(effects.iter_mut().zip(log_ratios));
    let primary = of_metrics.filter(|(metric, _)| Metric::PRIMARY.contains(metric)).map(|(_, judged)| judged);
    let (mut primary, log_ratios): (Vec<_>, Vec<_>) = primary.unzip();
    judge(&mut primary, &log_ratios, options.margin);
    effects
}

/// How a metric is compared with the baseline.
pub(crate) enum Method {
    /// Round by round: the effect per round.
    Rounds,
    /// Round by round: the effect on all rounds together.
    Totals,
    /// The two figures alone. A maximum over rounds has no interval from rounds, nor has what a run shows once.
    Figures,
    /// This quantile of all rounds together.
    Pooled(f64),
}

impl Method {
    pub(crate) fn of(metric: Metric, units: Units) -> Self {
        match metric {
            Metric::CpuPeakCores => Self::Figures,
            _ if units.shows_once(metric) => Self::Figures,
            _ if metric.is_total() => Self::Totals,
            _ => metric.quantile().map_or(Self::Rounds, Self::Pooled),
        }
    }
}

/// One metric of an arm and of the baseline.
#[derive(Default)]
pub(crate) struct Compared {
    pub(crate) log_ratio: Option<Estimate>,
    pub(crate) difference: Option<Estimate>,
    /// ln(arm / baseline) of each unit; empty if a round has no logarithm.
    pub(crate) logs: Vec<f64>,
}

impl Compared {
    pub(crate) fn of(metric: Metric, [base, series]: [&Series; 2], pools: Option<&Pools>, units: Units) -> Self {
        // If one arm has too few samples for a figure, there is no effect either.
        let (Some(base_value), Some(value)) = (base.value, series.value) else { return Self::default() };
        let pairs = paired(base, series);
        let logs = units.means(metric, &log_ratios(&pairs));
        let differences = || {
            let differences: Vec<_> = pairs.iter().map(|(round, [base, value])| (*round, value - base)).collect();
            Estimate::of_mean(&units.means(metric, &differences))
        };
        match Method::of(metric, units) {
            Method::Rounds => Self { log_ratio: Estimate::of_mean(&logs), difference: differences(), logs },
            Method::Totals => {
                let difference = differences().map(|mean| mean.times(pairs.len() as f64));
                Self { log_ratio: Estimate::of_mean(&logs), difference, logs }
            }
            Method::Figures => {
                let logs = log_ratios(&[(0, [base_value, value])]).into_iter().map(|(_, log)| log).collect::<Vec<_>>();
                let difference = Estimate::of_mean(&[value - base_value]);
                Self { log_ratio: Estimate::of_mean(&logs), difference, logs }
            }
            Method::Pooled(q) => {
                let Some(effect) = pools.and_then(|pools| pools.quantile(q)) else { return Self::default() };
                Self { log_ratio: Some(effect.log_ratio), difference: Some(effect.difference_ms), logs }
            }
        }
    }

    fn effect(&self, arm: &str, metric: Metric) -> Effect {
        let (log_ratio, difference) = (self.log_ratio.as_ref(), self.difference.as_ref());
        let tested = log_ratio.filter(|log_ratio| log_ratio.interval_95().is_some());
        Effect {
            arm: arm.to_owned(),
            metric: metric.name().to_owned(),
            ratio: log_ratio.map(|log_ratio| log_ratio.value.exp()),
            ratio_ci95: log_ratio.and_then(Estimate::interval_95).map(|ends| ends.map(f64::exp)),
            difference: difference.map(|difference| difference.value),
            difference_ci95: difference.and_then(Estimate::interval_95),
            units: difference.map(Estimate::units),
            p_value: log_ratio.and_then(Estimate::p_value),
            hodges_lehmann: tested.and_then(|_| hodges_lehmann(&self.logs)).map(f64::exp),
            wilcoxon_p: tested.and_then(|_| wilcoxon_p(&self.logs)),
            ..Effect::default()
        }
    }
}

/// The values of both series in the rounds (or idle windows) that both have.
fn paired(base: &Series, series: &Series) -> Vec<(u32, [f64; 2])> {
    let both = base.by_round.iter().filter_map(|(round, base)| Some((*round, [*base, *series.by_round.get(round)?])));
    both.collect()
}

/// ln(value / base) of each pair; empty if any pair has no logarithm.
fn log_ratios(pairs: &[(u32, [f64; 2])]) -> Vec<(u32, f64)> {
    let log =
        |(round, [base, value]): &(u32, [f64; 2])| (*base > 0.0 && *value > 0.0).then(|| (*round, (value / base).ln()));
    pairs.iter().map(log).collect::<Option<_>>().unwrap_or_default()
}

#[cfg(test)]
mod tests;
