use crate::course::Course;
use crate::failed_warm_up::failed_warm_up;
use crate::ground::Stand;
use crate::node::Node;
use crate::standing::Standing;

/// Requests that are part of no figure: connections open, caches fill.
/// Where all of them fail in some arm of the first stand-up, the run ends before its rounds.
pub fn warm_up<S: Stand>(course: &mut Course<'_>, standing: &mut Standing<'_, S>) -> anyhow::Result<()> {
    let (experiment, plan) = (course.assignment.experiment, course.assignment.plan);
    let requests = plan.warmup_requests;
    if requests == 0 {
        return Ok(());
    }
    let load = experiment.load.of(requests);
    let mut answers = Vec::new();
    for arm in &plan.warmup_orders[standing.number as usize] {
        course.progress.state(&format!("warming up {arm}: {requests} requests"));
        answers.push((arm.clone(), standing.stand.node(arm).ask(&load)?.errors));
    }
    // Later stand-ups stand beside rounds that are measured: the guards judge all of them together.
    let is_meant = requests as f64 * (1.0 - course.seen.observations.facts.declared.of_requests) < 1.0;
    match failed_warm_up(&answers, requests) {
        Some(failed) if standing.number == 0 && !is_meant => Err(failed.into()),
        _ => Ok(()),
    }
}
