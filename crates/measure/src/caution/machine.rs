use super::{CautionKind, Run, Sighting, Witnessed};
use crate::{Caution, Metric, Reading};

/// Above this share of busy processors, requests wait for them.
const NODE_PERCENT_MAX: f64 = 80.0;
const NODE_PERCENT_FATAL: f64 = 95.0;

/// The hypervisor may take this share of the machine's time without a caution.
const STOLEN_MAX: f64 = 0.01;
const STOLEN_FATAL: f64 = 0.1;

/// Above this share of blocks with throttled containers, a CPU quota determines the result.
const THROTTLED_FATAL: f64 = 0.1;

/// Tasks may wait for a processor in this share of the time, because one request wakes several threads at once.
const PRESSURE_MAX: f64 = 0.25;

pub(super) fn saturated(run: &Run) -> Vec<Caution> {
    let look = |arm: &Witnessed| arm.seen.series(Metric::CpuNodePercent).value.filter(|busy| *busy > NODE_PERCENT_MAX);
    let text = |seen: &Sighting| {
        format!(
            "the machine was nearly full under load ({} busy): latency may be waiting for processors rather than work; try a \
             longer think time or a larger machine",
            seen.arms
        )
    };
    let seen = run.sighting(look, |percent| *percent, |percent| format!("{percent:.0} %"));
    judged(CautionKind::Saturated, seen, NODE_PERCENT_FATAL, text)
}

pub(super) fn stolen(run: &Run) -> Vec<Caution> {
    let look = |arm: &Witnessed| arm.seen.stolen().filter(|share| *share > STOLEN_MAX);
    let text = |seen: &Sighting| {
        format!(
            "the hypervisor took CPU time from this machine under load ({}): other guests may have caused part of the \
             latency and its spread; try more rounds, or a dedicated machine",
            seen.arms
        )
    };
    judged(CautionKind::Stolen, run.sighting(look, |share| *share, |share| percent(*share)), STOLEN_FATAL, text)
}

/// Blocks of an arm in which a quota throttled containers.
struct Throttled {
    blocks: usize,
    of: usize,
    periods: u64,
}

pub(super) fn throttled(run: &Run) -> Vec<Caution> {
    let share = |seen: &Throttled| seen.blocks as f64 / seen.of as f64;
    let tell = |seen: &Throttled| format!("{} periods in {} of {} blocks", seen.periods, seen.blocks, seen.of);
    let text = |seen: &Sighting| {
        format!(
            "a CPU quota throttled containers ({}): each time adds up to one period, 100 ms by default, to a latency; try \
             without the quota (`cpu.max`, `--cpus`), or with a longer think time",
            seen.arms
        )
    };
    judged(CautionKind::Throttled, run.sighting(throttling, share, tell), THROTTLED_FATAL, text)
}

fn throttling(arm: &Witnessed) -> Option<Throttled> {
    // Containers share the quotas of the groups above them, so the highest count is closer to the truth than the sum.
    let periods = |reading: &&Reading| reading.containers.iter().map(|used| used.throttled).max().unwrap_or(0);
    let by_block: Vec<u64> = arm.loaded.iter().map(periods).collect();
    let blocks = by_block.iter().filter(|periods| **periods > 0).count();
    (blocks > 0).then(|| Throttled { blocks, of: by_block.len(), periods: by_block.iter().sum() })
}

pub(super) fn pressure(run: &Run) -> Vec<Caution> {
    let look = |arm: &Witnessed| {
        let told = arm.loaded.iter().filter_map(|reading| Some((reading.machine.pressure_s?, reading.wall_s)));
        let (stalled_s, wall_s) = told.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        // Without readings of the pressure, the share is NaN and passes.
        Some(stalled_s / wall_s).filter(|share| *share > PRESSURE_MAX)
    };
    let text = |seen: &Sighting| {
        format!(
            "tasks waited for a processor during much of the time under load ({}; /proc/pressure/cpu): latency includes \
             queueing that depends on the number of cores; try a quieter machine, a longer think time or more cores",
            seen.arms
        )
    };
    let seen = run.sighting(look, |share| *share, |share| percent(*share));
    judged(CautionKind::Pressure, seen, f64::INFINITY, text)
}

/// Warns about runnable tasks at the edges of blocks. Nothing of this run but the meter is active then, so they belong
/// to other programs.
pub(super) fn run_queue(run: &Run) -> Vec<Caution> {
    let text = |seen: &Sighting| {
        format!(
            "more other tasks than cores were runnable at the edges of blocks (on average {}): something else keeps this \
             machine busy and affects every figure;  end it, or try more rounds",
            seen.arms
        )
    };
    let seen = run.sighting(strangers, |others| *others, |others| format!("{others:.1}"));
    judged(CautionKind::RunQueue, seen, f64::INFINITY, text)
}

/// Mean number of runnable tasks besides the meter, if they exceed the cores in most blocks.
fn strangers(arm: &Witnessed) -> Option<f64> {
    let queue = |reading: &&Reading| {
        let cores = (reading.machine.capacity_s / reading.wall_s).round();
        Some((reading.machine.runnable? - 1.0, cores))
    };
    let told: Vec<(f64, f64)> = arm.loaded.iter().filter_map(queue).collect();
    let crowded = told.iter().filter(|(others, cores)| others > cores).count();
    (crowded * 2 > told.len()).then(|| told.iter().map(|(others, _)| others).sum::<f64>() / told.len() as f64)
}

/// Makes the caution for a finding, if there is one. Above `fatal`, the figures are not to be believed.
fn judged(kind: CautionKind, seen: Option<Sighting>, fatal: f64, text: impl Fn(&Sighting) -> String) -> Vec<Caution> {
    let judge = |seen: Sighting| {
        let caution = if seen.worst > fatal { kind.fatal(text(&seen)) } else { kind.caution(text(&seen)) };
        caution.about(seen.names)
    };
    seen.map(judge).into_iter().collect()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
