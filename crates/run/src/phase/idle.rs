use std::thread;
use std::time::{Duration, Instant};

use measure::Phase;

use crate::assignment::Assignment;
use crate::course::Course;
use crate::ground::Stand;
use crate::interrupted::Interrupted;
use crate::meters::{Meters, Window};
use crate::node::Node;
use crate::probing::{CheckedWindow, HealthChecks};
use crate::progress::spoken;
use crate::seen::Seen;
use crate::standing::Standing;

/// How often a wait looks whether the user wants to stop.
const GLANCE: Duration = Duration::from_millis(20);

/// Idle windows, before the first request or after the warm-up: all arms at once, no load anywhere.
pub fn idle<S: Stand>(course: &mut Course<'_>, standing: &mut Standing<'_, S>, phase: Phase) -> anyhow::Result<()> {
    let experiment = course.assignment.experiment;
    let (windows, length) = (experiment.windows_per_stand(), experiment.idle.1);
    for window in 0..windows {
        let left = spoken(length * (windows - window));
        course.progress.state(&format!("idle window {}/{windows}: {left} left in this phase", window + 1));
        self::window(course, standing, phase, standing.number * windows + window)?;
    }
    if standing.number == 0 && phase == Phase::Idle {
        course.progress.note(&format!("idle: {}", line(&course.seen)));
    }
    Ok(())
}

/// One window: the meters of every arm at its edges.
fn window<S: Stand>(
    course: &mut Course<'_>,
    standing: &mut Standing<'_, S>,
    phase: Phase,
    round: u32,
) -> anyhow::Result<()> {
    let plan = course.assignment.plan;
    // Counts are read right after the meters at either end, so that both are of times equally long.
    let from = snapshots(&standing.meters, &plan.arms)?;
    let probed_before = health_checks(standing.stand, &plan.arms)?;
    pause(course.assignment, course.assignment.experiment.idle.1)?;
    let to = snapshots(&standing.meters, &plan.arms)?;
    let probed_after = health_checks(standing.stand, &plan.arms)?;
    course.tend(standing.stand)?;
    for ((arm, from), to) in plan.arms.iter().zip(probed_before).zip(probed_after) {
        course.keep(CheckedWindow::between(Window { phase, arm, round }, from, to).as_ref())?;
    }
    for ((arm, from), to) in plan.arms.iter().zip(&from).zip(&to) {
        let reading = standing.meters.reading(Window { phase, arm, round }, from, to);
        course.assignment.folder.append("meters.jsonl", &reading)?;
        course.seen.observations.meters.push(reading);
    }
    Ok(())
}

fn snapshots<M: Meters>(meters: &M, arms: &[String]) -> anyhow::Result<Vec<M::Snapshot>> {
    arms.iter().map(|arm| meters.snapshot(arm)).collect()
}

fn health_checks(stand: &mut impl Stand, arms: &[String]) -> anyhow::Result<Vec<Option<HealthChecks>>> {
    arms.iter().map(|arm| stand.node(arm).health_checks()).collect()
}

fn pause(assignment: &Assignment<'_>, length: Duration) -> Result<(), Interrupted> {
    let until = Instant::now() + length;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        assignment.check()?;
        thread::sleep(left.min(GLANCE));
    }
    Ok(())
}

/// What each arm used at rest.
fn line(seen: &Seen) -> String {
    let arms = measure::measure(&seen.observations, &measure::Options::default()).arms;
    let figure =
        |arm: &measure::Arm, name: &str| arm.metrics.get(name).and_then(|value| value.value).unwrap_or_default();
    let line = |arm: &measure::Arm| {
        format!("{} {:.3} cores, {:.0} MiB", arm.name, figure(arm, "cpu_idle_cores"), figure(arm, "memory_idle_mib"))
    };
    arms.iter().map(line).collect::<Vec<_>>().join(" · ")
}
