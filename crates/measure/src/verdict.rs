use crate::estimate::{Estimate, LEVEL};
use crate::{Effect, Verdict};

/// Standard errors within this factor count as alike.
const ALIKE: f64 = 1.25;

/// Gives the primary metrics of one arm their verdicts, from the log-ratios in the same order, where they exist.
///
/// The first question is whether the arm differs, the second whether it is equivalent within the margin (a fraction
/// such as 0.02, in both directions on a logarithmic scale). Both are corrected by Holm for the number of metrics, so
/// an arm without a cost is said to cost something in at most one run of twenty. An arm can differ and still be within
/// the margin. It then `costs`, and the figures say how little. What is not shown to be small is never called small.
pub(crate) fn judge(effects: &mut [&mut Effect], log_ratios: &[Option<Estimate>], margin: f64) {
    let bound = margin.ln_1p();
    let differs = holm(&log_ratios.iter().map(|log_ratio| log_ratio.as_ref()?.p_value()).collect::<Vec<_>>());
    let equivalent =
        holm(&log_ratios.iter().map(|log_ratio| log_ratio.as_ref()?.p_equivalent(bound)).collect::<Vec<_>>());
    for (n, (effect, log_ratio)) in effects.iter_mut().zip(log_ratios).enumerate() {
        let verdict = verdict(*log_ratio, differs[n], equivalent[n]);
        effect.margin = Some(margin);
        effect.verdict = Some(verdict);
        effect.p_holm = differs[n];
    }
    let is_different = |effect: &Effect| matches!(effect.verdict, Some(Verdict::Costs | Verdict::Saves));
    let different: Vec<bool> = effects.iter().map(|effect| is_different(effect)).collect();
    for (n, level) in steps(log_ratios, |n| !different[n]) {
        effects[n].smallest_resolvable =
            log_ratios[n].and_then(|log_ratio| Some(log_ratio.resolvable(level)?.exp_m1()));
    }
    let mut before = Some(0);
    for (n, level) in steps(log_ratios, |n| different[n]) {
        let alone = log_ratios[n].and_then(|log_ratio| log_ratio.rounds_needed(bound, level));
        // Holm's procedure reaches this step only after the earlier ones are shown.
        before = before.zip(alone).map(|(before, alone)| before.max(alone));
        effects[n].rounds_needed = before.filter(|_| effects[n].verdict == Some(Verdict::NotResolvable));
    }
}

/// The levels at which Holm's procedure will test estimates, in its likely order: those that are `late` after the
/// others, wide ones after narrow ones. The narrowest of four is tested at a quarter of 5 %, the widest at all of it.
/// Among several alike, the order is chance, so each gets the level of their middle step.
fn steps(log_ratios: &[Option<Estimate>], late: impl Fn(usize) -> bool) -> Vec<(usize, f64)> {
    let known = log_ratios.iter().enumerate().filter_map(|(n, log_ratio)| Some((n, log_ratio.as_ref()?)));
    let mut known: Vec<(usize, &Estimate)> = known.filter(|(_, log_ratio)| log_ratio.p_value().is_some()).collect();
    known.sort_by(|(n, left), (m, right)| late(*n).cmp(&late(*m)).then(left.error().total_cmp(&right.error())));
    let level = |step: usize| {
        let (first, left) = (known[step], &known[step..]);
        let is_alike =
            |other: &&(usize, &Estimate)| late(other.0) == late(first.0) && other.1.error() <= ALIKE * first.1.error();
        let alike = left.iter().filter(is_alike).count();
        LEVEL / ((left.len() - alike) as f64 + (alike + 1) as f64 / 2.0)
    };
    (0..known.len()).map(|step| (known[step].0, level(step))).collect()
}

fn verdict(log_ratio: Option<Estimate>, differs: Option<f64>, equivalent: Option<f64>) -> Verdict {
    let rejects = |p: Option<f64>| p.is_some_and(|p| p <= LEVEL);
    match log_ratio {
        Some(log_ratio) if rejects(differs) && log_ratio.value > 0.0 => Verdict::Costs,
        Some(_) if rejects(differs) => Verdict::Saves,
        Some(_) if rejects(equivalent) => Verdict::NoMeasurableCost,
        _ => Verdict::NotResolvable,
    }
}

/// Adjusts p-values for their number, stepwise from the smallest. A p-value of at most 5 % after the adjustment is
/// rejected. Any true hypothesis among them is rejected in at most one case of twenty, however they depend on each
/// other. Missing values do not count.
///
/// Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979); adjusted
/// p-values as in R's `p.adjust`.
fn holm(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut known: Vec<(usize, f64)> = p_values.iter().enumerate().filter_map(|(n, p)| Some((n, (*p)?))).collect();
    known.sort_by(|left, right| left.1.total_cmp(&right.1));
    let mut adjusted = vec![None; p_values.len()];
    let mut largest = 0.0_f64;
    for (step, (n, p)) in known.iter().enumerate() {
        largest = largest.max(p * (known.len() - step) as f64).min(1.0);
        adjusted[*n] = Some(largest);
    }
    adjusted
}

#[cfg(test)]
mod tests;
