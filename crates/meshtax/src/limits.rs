use lab::Trees;

use crate::experiment::Experiment;
use crate::failure::Failure;

/// Whether this host can limit what the experiment limits; looked at before anything stands.
pub fn check(experiment: &Experiment, trees: &Trees) -> Result<(), Failure> {
    let lack = |arm: &crate::experiment::Arm| Some((arm.name.clone(), trees.lack(&arm.limits)?));
    match experiment.arms.iter().find_map(lack) {
        None => Ok(()),
        Some((arm, controller)) => Err(Failure::new(
            format!("arm `{arm}` limits `{controller}`, and this host's control groups have no such controller"),
            format!(
                "remove `{controller}` from the arm's `limits`, or hand the controller down: \
                 /sys/fs/cgroup/cgroup.controllers has to list it, or /sys/fs/cgroup/{controller} to be mounted"
            ),
        )),
    }
}
