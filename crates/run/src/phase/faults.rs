//! Faults made on purpose: each in one arm after the other, under load, while every witness of the arm is looked at.

mod signs;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use experiment::PlannedFault;
use measure::{Clue, FaultTrial, NULL_ARM, Sign};

use self::signs::Signs;
use crate::assignment::Assignment;
use crate::course::Course;
use crate::ground::Stand;
use crate::kernel_witness::{KernelSigns, KernelWitness};
use crate::node::Node;
use crate::standing::Standing;

/// Time from one look at the witnesses to the next.
const PERIOD: Duration = Duration::from_millis(100);
/// A look at the witnesses: when, since the load began, and how often each sign had been seen until then.
struct Look {
    at: Duration,
    seen: BTreeMap<Sign, u64>,
}

/// Every planned fault, in one arm after the other; nothing of it is part of the measurement of the rounds.
pub fn break_things<S: Stand>(course: &mut Course<'_>, standing: &mut Standing<'_, S>) -> anyhow::Result<()> {
    let assignment = course.assignment;
    for planned in &assignment.experiment.faults {
        for arm in assignment.plan.arms.iter().filter(|arm| *arm != NULL_ARM) {
            let (kind, from, to) = (report::fault_name(planned.kind), &planned.from, &planned.to);
            course.progress.state(&format!("{kind} from {from} to {to}, arm {arm}"));
            let trial = try_fault(planned, arm, &mut standing.stand.node(arm), &standing.witness, assignment)?;
            assignment.folder.append("faults.jsonl", &trial)?;
            course.seen.faults.push(trial);
        }
    }
    Ok(())
}

/// One fault in one arm.
fn try_fault(
    planned: &PlannedFault,
    arm: &str,
    node: &mut impl Node,
    witness: &impl KernelWitness,
    assignment: &Assignment<'_>,
) -> anyhow::Result<FaultTrial> {
    let mut signs = Signs::begin(arm, node, witness)?;
    let load = assignment.experiment.load.of(u64::from(u32::MAX));
    node.begin_load(&load)?;
    let course = watch(planned, node, &mut signs, assignment);
    // Whatever happened, the arm is to be as it was.
    let hits = node.mend(planned);
    let load = node.end_load(&load)?;
    let (looks, injected) = course?;
    node.settle()?;
    let last = looks.last().expect("there is a look at the begin").at;
    Ok(FaultTrial {
        arm: arm.to_owned(),
        fault: planned.kind,
        from: planned.from.clone(),
        to: planned.to.clone(),
        share: planned.share,
        hits: hits?,
        calm_s: injected.as_secs_f64(),
        lasted_s: (last - injected).as_secs_f64(),
        period_ms: last.as_secs_f64() * 1e3 / (looks.len() - 1) as f64,
        requests: load.requests,
        errors: load.errors.values().sum(),
        clues: clues(planned, &looks, injected),
    })
}

/// Looks on through the calm and the fault; what was seen, and when the fault began.
fn watch<N: Node>(
    planned: &PlannedFault,
    node: &mut N,
    signs: &mut Signs<impl KernelSigns>,
    assignment: &Assignment<'_>,
) -> anyhow::Result<(Vec<Look>, Duration)> {
    let begun = Instant::now();
    let mut looks = Vec::new();
    let mut look = |node: &mut N, signs: &mut Signs<_>| -> anyhow::Result<()> {
        let seen = signs.look(node)?;
        looks.push(Look { at: begun.elapsed(), seen });
        thread::sleep(PERIOD);
        Ok(assignment.check()?)
    };
    while begun.elapsed() < planned.at {
        look(node, signs)?;
    }
    signs.end_calm();
    look(node, signs)?;
    let injected = begun.elapsed();
    node.inject(planned)?;
    while begun.elapsed() < injected + planned.lasting {
        look(node, signs)?;
    }
    Ok((looks, injected))
}

/// What the looks say of each sign that was seen at all.
fn clues(planned: &PlannedFault, looks: &[Look], injected: Duration) -> Vec<Clue> {
    let (calm, fault) = looks.split_at(looks.partition_point(|look| look.at < injected));
    let (Some(first), Some(calm), Some(last)) = (calm.first(), calm.last(), fault.last()) else { return Vec::new() };
    let count = |look: &Look, sign: &Sign| look.seen.get(sign).copied().unwrap_or(0);
    let clue = |sign: &Sign| {
        let before = count(calm, sign).saturating_sub(count(first, sign));
        let since = |look: &Look| count(look, sign).saturating_sub(count(calm, sign));
        let seen = fault.iter().find(|look| since(look) > before);
        Clue {
            witness: sign.witness(),
            sign: sign.clone(),
            names_cause: planned.kind.is_named_by(sign),
            before,
            during: since(last),
            seen_after_s: seen.map(|look| (look.at - injected).as_secs_f64()),
        }
    };
    last.seen.keys().map(clue).filter(|clue| clue.before > 0 || clue.during > 0).collect()
}

#[cfg(test)]
mod tests;
