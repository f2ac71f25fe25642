use experiment::Experiment;
use experiment::{Plan, Round};
use measure::{LoadBlock, Phase, Samples};
use traffic::Load;

use crate::course::Course;
use crate::ground::Stand;
use crate::kernel_witness::KernelWitness;
use crate::meters::{Meters, Window};
use crate::node::Node;
use crate::probing::CheckedWindow;
use crate::sight::BlockSight;
use crate::standing::Standing;

/// The rounds of a stand-up: a block of every arm in each, in the order of the plan.
pub fn rounds<S: Stand>(
    course: &mut Course<'_>,
    standing: &mut Standing<'_, S>,
    rounds: &[(u32, &Round)],
) -> anyhow::Result<()> {
    let plan = course.assignment.plan;
    course.pace.begin();
    for (number, round) in rounds {
        for arm in &round.order {
            course.progress.state(&course.pace.line(plan, *number, arm));
            let mean_ns = block(course, standing, Window { phase: Phase::Load, arm, round: *number }, round.requests)?;
            course.tend(standing.stand)?;
            course.pace.add(arm, mean_ns);
        }
        // Where the stand-up is the unit of statistics, one that was cut short would be another unit than the rest.
        if plan.stands.is_none() && course.is_enough(number + 1) {
            break;
        }
    }
    Ok(())
}

/// One block: meters read exactly at its edges. Returns its mean latency in nanoseconds.
fn block<S: Stand>(
    course: &mut Course<'_>,
    standing: &mut Standing<'_, S>,
    window: Window<'_>,
    requests: u64,
) -> anyhow::Result<Option<f64>> {
    let (experiment, plan, folder) = (course.assignment.experiment, course.assignment.plan, course.assignment.folder);
    let Window { arm, round, .. } = window;
    // Chance differs from round to round, and not between the arms that a round compares.
    let seed = experiment.seed.wrapping_add(u64::from(round));
    let load = Load { seed, ..experiment.load.of(requests) };
    let mut node = standing.stand.node(arm);
    standing.witness.begin(arm)?;
    let settled = settle(&mut node, experiment, plan)?;
    let before = node.counts()?;
    let probed_before = node.health_checks()?;
    let from = standing.meters.snapshot(arm)?;
    let samples = node.ask(&load)?;
    node.settle()?;
    let to = standing.meters.snapshot(arm)?;
    // What a block without it would be told is of another application.
    node.tend()?;
    course.seen.tally.add(course.assignment.place(arm), &before, &node.counts()?);
    let reading = standing.meters.reading(window, &from, &to);
    let samples = Samples { reconnects: settled.reconnects + samples.reconnects, ..samples };
    let block = LoadBlock { arm: arm.to_owned(), round, samples };
    let probing = CheckedWindow::between(window, probed_before, node.health_checks()?);
    probing.iter().for_each(|probing| course.seen.probings.add(probing));
    course.keep(probing.as_ref())?;
    if let Some(watched) = standing.witness.end(arm)? {
        let sum = course.seen.watched.entry(arm.to_owned()).or_default();
        *sum = sum.plus(watched);
        folder.append("probe.jsonl", &BlockSight { arm, round, watched })?;
    }
    folder.append("meters.jsonl", &reading)?;
    folder.append("load.jsonl", &block)?;
    course.seen.observations.meters.push(reading);
    let mean_ns = block.samples.latency.mean_ns();
    course.seen.observations.load.push(block);
    Ok(mean_ns)
}

/// Requests with which a block begins, outside all figures: kept connections are open afterwards, and what attaching the
/// kernel witness left behind is gone.
pub fn settle(node: &mut impl Node, experiment: &Experiment, plan: &Plan) -> anyhow::Result<Samples> {
    let load = match plan.settling_requests {
        0 => Samples::default(),
        requests => node.ask(&experiment.load.of(requests))?,
    };
    node.settle()?;
    Ok(load)
}
