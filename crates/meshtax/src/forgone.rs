//! Limits that nobody wrote and this host cannot set.

use experiment::Experiment;
use lab::Trees;
use measure::UnlimitedFacts;

/// Takes from arms the limits of Istio's defaults whose controllers this host lacks: what nobody asked for is no reason to
/// refuse a run, but one to say so.
pub fn forgo(experiment: &mut Experiment, trees: &Trees) -> Vec<UnlimitedFacts> {
    let mut forgone = Vec::new();
    for arm in experiment.arms.iter_mut().filter(|arm| arm.limits_by_default) {
        let (limits, lacking) = trees.of_these(arm.limits);
        arm.limits = limits;
        let facts = |controller: &str| UnlimitedFacts { arm: arm.name.clone(), controller: controller.to_owned() };
        forgone.extend(lacking.into_iter().map(facts));
    }
    forgone
}
