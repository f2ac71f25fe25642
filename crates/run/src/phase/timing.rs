//! What the witness's programs take in the kernel. Timing them costs each of their runs two looks at the clock, so that none
//! is timed in the rounds.

use measure::{NULL_ARM, ProgramFacts};

use super::rounds::settle;
use crate::course::Course;
use crate::ground::Stand;
use crate::kernel_witness::{KernelWitness, ProgramTime};
use crate::node::Node;
use crate::standing::Standing;

/// Requests on which programs are timed in each watched arm, after the rounds and outside all figures.
const TIMED: u64 = 100;

/// Times the programs in each watched arm.
pub fn time_programs<S: Stand>(course: &mut Course<'_>, standing: &mut Standing<'_, S>) -> anyhow::Result<()> {
    let (experiment, plan) = (course.assignment.experiment, course.assignment.plan);
    let requests = TIMED.min(experiment.requests);
    let load = experiment.load.of(requests);
    for arm in plan.arms.iter().filter(|arm| *arm != NULL_ARM) {
        if !standing.witness.begin_timed(arm)? {
            continue;
        }
        course.progress.state(&format!("timing the kernel witness in arm {arm}: {requests} requests"));
        let mut node = standing.stand.node(arm);
        settle(&mut node, experiment, plan)?;
        let before = standing.witness.times();
        node.ask(&load)?;
        node.settle()?;
        let after = standing.witness.times();
        standing.witness.end_timed();
        course.seen.observations.facts.programs.extend(program_facts(arm, requests, &before, &after));
    }
    course.keep_facts()
}

/// Time of the programs that ran between two readings, during which an arm got `requests` requests.
fn program_facts(arm: &str, requests: u64, before: &[ProgramTime], after: &[ProgramTime]) -> Vec<ProgramFacts> {
    let facts = |(before, after): (&ProgramTime, &ProgramTime)| ProgramFacts {
        arm: arm.to_owned(),
        requests,
        program: after.program.clone(),
        run_ns: u64::try_from((after.time - before.time).as_nanos()).unwrap_or(u64::MAX),
        runs: after.runs - before.runs,
    };
    before.iter().zip(after).map(facts).filter(|facts| facts.runs > 0).collect()
}
