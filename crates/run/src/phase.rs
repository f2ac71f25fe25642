//! The phases of a stand-up, each in a file of its own.

mod faults;
mod idle;
mod rounds;
mod timing;
mod warm_up;

use experiment::Round;
use measure::Phase;

use super::course::Course;
use super::ground::Stand;
use super::interrupted::is_interruption;
use super::meters::Meters;
use super::node::Node;
use super::standing::Standing;

/// Performs every phase of a stand-up, with these rounds. Where the user or an error ends one, that is the error, and what
/// was seen until then stays with the course.
pub fn perform<S: Stand>(
    course: &mut Course<'_>,
    standing: &mut Standing<'_, S>,
    rounds: &[(u32, &Round)],
) -> anyhow::Result<()> {
    let facts = &mut course.seen.observations.facts;
    facts.clocks.push(standing.meters.clock()?);
    facts.interrupts_apart = standing.meters.interrupts_apart()?;
    idle::idle(course, standing, Phase::Idle)?;
    warm_up::warm_up(course, standing)?;
    rest(course, standing)?;
    let rounds = rounds::rounds(course, standing, rounds);
    if rounds.as_ref().is_err_and(|error| !is_interruption(error)) {
        return rounds;
    }
    gather(course, standing)?;
    rounds?;
    if standing.number == 0 {
        timing::time_programs(course, standing)?;
        faults::break_things(course, standing)?;
    }
    Ok(())
}

/// What each arm uses at rest that has served, once it has done all that the warm-up asked for; nothing without one.
fn rest<S: Stand>(course: &mut Course<'_>, standing: &mut Standing<'_, S>) -> anyhow::Result<()> {
    let plan = course.assignment.plan;
    if plan.warmup_requests == 0 {
        return Ok(());
    }
    plan.arms.iter().try_for_each(|arm| standing.stand.node(arm).settle())?;
    idle::idle(course, standing, Phase::IdleWarm)
}

/// What services counted in all, and what lets the numbers be doubted. A stop that was asked for does not keep it from that.
fn gather<S: Stand>(course: &mut Course<'_>, standing: &mut Standing<'_, S>) -> anyhow::Result<()> {
    let arms = &course.assignment.plan.arms;
    let counts = arms.iter().map(|arm| standing.stand.node(arm).last_counts());
    let counts = counts.collect::<anyhow::Result<Vec<_>>>()?;
    let seen = &mut course.seen;
    arms.iter().zip(&counts).for_each(|(arm, counted)| seen.asked.add(arm, counted));
    let facts = &mut seen.observations.facts;
    facts.clocks.push(standing.meters.clock()?);
    facts.calls.clear();
    for (number, arm) in arms.iter().enumerate() {
        facts.sidecars.extend(standing.stand.node(arm).scrape()?);
        facts.calls.extend(seen.tally.call_latencies(number, arm));
    }
    course.keep_facts()
}
