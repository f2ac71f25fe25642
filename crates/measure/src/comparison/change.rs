use super::Ended;
use crate::effect::{Compared, Method, judged};
use crate::estimate::Estimate;
use crate::pool::{Pools, alone};
use crate::series::{Seen, Series};
use crate::{Effect, Metric, Options};

/// Each arm in B against itself in A.
pub(super) fn arms(a: &Ended, b: &Ended, shared: &[&str], options: &Options) -> Vec<Effect> {
    let change = |arm: &&str| judged(arm, changes(all(a, arm), all(b, arm)), options);
    shared.iter().flat_map(change).collect()
}

/// What each arm costs beside its own baseline, in B against A. None where the runs have other baselines: ratios to
/// different things have nothing to say to each other.
pub(super) fn overheads(a: &Ended, b: &Ended, shared: &[&str], options: &Options) -> Vec<Effect> {
    let Some(base) = baseline(a).filter(|base| baseline(b) == Some(base)) else { return Vec::new() };
    let arms = shared.iter().filter(|arm| **arm != base);
    arms.flat_map(|arm| judged(arm, changes(over(a, base, arm), over(b, base, arm)), options)).collect()
}

fn baseline<'a>(ended: &Ended<'a>) -> Option<&'a str> {
    ended.measurement.arms.first().map(|arm| arm.name.as_str())
}

/// What differs between two runs, metric by metric.
fn changes(a: Vec<Compared>, b: Vec<Compared>) -> impl Iterator<Item = Compared> {
    let change = |(a, b): (Option<Estimate>, Option<Estimate>)| Some(b?.less(&a?));
    a.into_iter().zip(b).map(move |(a, b)| Compared {
        log_ratio: change((a.log_ratio, b.log_ratio)),
        difference: change((a.difference, b.difference)),
        logs: Vec::new(),
    })
}

/// Every metric of one arm against nothing: its logarithm, and itself.
fn all(ended: &Ended, arm: &str) -> Vec<Compared> {
    let seen = Seen::of(ended.observations, arm);
    Metric::ALL.into_iter().map(|metric| figure(&seen, metric).unwrap_or_default()).collect()
}

/// None where the run has too few samples for the figure.
fn figure(seen: &Seen, metric: Metric) -> Option<Compared> {
    let series = seen.series(metric);
    let figure = series.value?;
    Some(match Method::of(metric) {
        Method::Rounds => of_rounds(&values(&series), 1.0),
        Method::Totals => of_rounds(&values(&series), series.by_round.len() as f64),
        Method::Figures => of_rounds(&[figure], 1.0),
        Method::Pooled(q) => {
            let latencies: Vec<_> = seen.latencies_beside(seen).into_iter().map(|(own, _)| own).collect();
            let quantile = alone(&latencies, q)?;
            Compared { log_ratio: Some(quantile.log), difference: Some(quantile.ms), logs: Vec::new() }
        }
    })
}

fn values(series: &Series) -> Vec<f64> {
    series.by_round.values().copied().collect()
}

/// The mean over rounds, as so `many` of it. No logarithm if a round has none.
fn of_rounds(values: &[f64], many: f64) -> Compared {
    let logs: Vec<f64> = values.iter().filter(|value| **value > 0.0).map(|value| value.ln()).collect();
    let log = Estimate::of_mean(&logs).filter(|_| logs.len() == values.len());
    Compared {
        log_ratio: log.map(|log| log.plus(many.ln())),
        difference: Estimate::of_mean(values).map(|mean| mean.times(many)),
        logs: Vec::new(),
    }
}

/// Every metric of an arm against its baseline, rounds paired.
fn over(ended: &Ended, base: &str, arm: &str) -> Vec<Compared> {
    let (base, seen) = (Seen::of(ended.observations, base), Seen::of(ended.observations, arm));
    let pools = Pools::of(&base.latencies_beside(&seen));
    let beside = |metric| Compared::of(metric, &base.series(metric), &seen.series(metric), Some(&pools));
    Metric::ALL.into_iter().map(beside).collect()
}
