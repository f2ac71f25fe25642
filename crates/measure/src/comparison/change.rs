use super::Ended;
use crate::effect::{Compared, Method, judged};
use crate::estimate::Estimate;
use crate::pool::{Pools, alone};
use crate::series::ArmObservations;
use crate::unit::Units;
use crate::{Effect, Metric, Options};

/// Each arm in B compared with itself in A.
pub(super) fn arms(a: &Ended, b: &Ended, shared: &[&str], options: &Options) -> Vec<Effect> {
    let change = |arm: &&str| judged(arm, changes(all(a, arm), all(b, arm)), options);
    shared.iter().flat_map(change).collect()
}

/// Each arm's cost over its own baseline, in B compared with A. Empty if the runs have different baselines, because
/// ratios to different things cannot be compared.
pub(super) fn overheads(a: &Ended, b: &Ended, shared: &[&str], options: &Options) -> Vec<Effect> {
    let Some(base) = baseline(a).filter(|base| baseline(b) == Some(base)) else { return Vec::new() };
    let arms = shared.iter().filter(|arm| **arm != base);
    arms.flat_map(|arm| judged(arm, changes(over(a, base, arm), over(b, base, arm)), options)).collect()
}

fn baseline<'a>(ended: &Ended<'a>) -> Option<&'a str> {
    ended.measurement.arms.first().map(|arm| arm.name.as_str())
}

/// The differences between two runs, metric by metric.
fn changes(a: Vec<Compared>, b: Vec<Compared>) -> impl Iterator<Item = Compared> {
    let change = |(a, b): (Option<Estimate>, Option<Estimate>)| Some(b?.less(&a?));
    a.into_iter().zip(b).map(move |(a, b)| Compared {
        log_ratio: change((a.log_ratio, b.log_ratio)),
        difference: change((a.difference, b.difference)),
        logs: Vec::new(),
    })
}

/// Every metric of one arm by itself, as a logarithm and as a value.
fn all(ended: &Ended, arm: &str) -> Vec<Compared> {
    let seen = ArmObservations::of(ended.observations, arm);
    let units = Units(ended.observations.stands);
    Metric::ALL.into_iter().map(|metric| figure(&seen, metric, units).unwrap_or_default()).collect()
}

/// One metric of one arm; `None` if the run has too few samples for the figure.
fn figure(seen: &ArmObservations, metric: Metric, units: Units) -> Option<Compared> {
    let series = seen.series(metric);
    let figure = series.value?;
    let rounds: Vec<(u32, f64)> = series.by_round.into_iter().collect();
    Some(match Method::of(metric, units) {
        Method::Rounds => of_rounds(&rounds, 1.0, |values| units.means(metric, values)),
        Method::Totals => of_rounds(&rounds, rounds.len() as f64, |values| units.means(metric, values)),
        Method::Figures => of_rounds(&[(0, figure)], 1.0, |values| vec![values[0].1]),
        Method::Pooled(q) => {
            let merged = units.merged(&seen.latencies_beside(seen));
            let quantile = alone(&merged.iter().map(|[own, _]| &**own).collect::<Vec<_>>(), q)?;
            Compared { log_ratio: Some(quantile.log), difference: Some(quantile.ms), logs: Vec::new() }
        }
    })
}

/// The mean over units, multiplied by `many`. Without a logarithm if a round has none.
fn of_rounds(rounds: &[(u32, f64)], many: f64, units: impl Fn(&[(u32, f64)]) -> Vec<f64>) -> Compared {
    let logs =
        rounds.iter().map(|(round, value)| (*value > 0.0).then(|| (*round, value.ln()))).collect::<Option<Vec<_>>>();
    let log = logs.filter(|logs| !logs.is_empty()).and_then(|logs| Estimate::of_mean(&units(&logs)));
    Compared {
        log_ratio: log.map(|log| log.plus(many.ln())),
        difference: (!rounds.is_empty())
            .then(|| units(rounds))
            .and_then(|values| Estimate::of_mean(&values))
            .map(|mean| mean.times(many)),
        logs: Vec::new(),
    }
}

/// Every metric of an arm compared with its baseline, paired by round.
fn over(ended: &Ended, base: &str, arm: &str) -> Vec<Compared> {
    let (base, seen) = (ArmObservations::of(ended.observations, base), ArmObservations::of(ended.observations, arm));
    let units = Units(ended.observations.stands);
    let pools = Pools::of(&units.merged(&base.latencies_beside(&seen)));
    let beside = |metric| Compared::of(metric, [&base.series(metric), &seen.series(metric)], Some(&pools), units);
    Metric::ALL.into_iter().map(beside).collect()
}
