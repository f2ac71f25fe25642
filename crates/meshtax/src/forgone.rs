//! Default limits that this host cannot set.

use experiment::Experiment;
use lab::Trees;
use measure::UnlimitedFacts;

/// Removes Istio's default limits from arms if this host lacks their controllers, and returns what was removed. Nobody
/// asked for these limits, so the run goes on and the report says so.
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
