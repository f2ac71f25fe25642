use super::{CautionKind, Run, Witnessed};
use crate::{Caution, LeftOut, Reading, Reason};

/// The share of the processors that others may use in a block beyond their usual share. The machine's own work varies
/// by a few hundredths, and the kernel's busy time has a resolution of 10 ms.
const MORE_MIN: f64 = 0.15;
/// If the usual load varies more, others may use this many times the distance between the first quartile and the median
/// of the blocks.
const MORE_SPREADS: f64 = 6.0;
/// The most that others may ever use beyond their usual share.
const MORE_MAX: f64 = 0.3;

/// Rounding error in ticks: the kernel counts busy time in ticks, so the difference between two short blocks is off by
/// this many.
const TICKS_MIN: f64 = 3.0;
const TICK_S: f64 = 0.01;

/// With fewer blocks, there is no usual load to compare with.
const BLOCKS_MIN: usize = 4;

/// The most blocks that are named.
const NAMED_MAX: usize = 8;

/// Warns about blocks in which others were busier than usual in this run. All figures include these blocks.
pub(super) fn bursts(run: &Run) -> Vec<Caution> {
    let found: Vec<&Reading> = run.arms.iter().flat_map(bursts_in).collect();
    let mut arms: Vec<&str> = found.iter().map(|reading| &*reading.arm).collect();
    arms.dedup();
    let told = |reading: &&Reading| {
        let cores = reading.foreign().map_or(0.0, |foreign| foreign.cores);
        format!("round {} `{}` {cores:.1}", reading.round + 1, reading.arm)
    };
    let caution = CautionKind::Foreign.caution(format!(
        "something else kept processors busy in {} of {} blocks ({}; cores beyond the arm's own containers), more than \
         usual: every figure includes those blocks; end it, try more rounds, or leave out such rounds with \
         `--drop-foreign 20%`",
        found.len(),
        run.arms.iter().map(|arm| arm.loaded.len()).sum::<usize>(),
        listed(found.iter().map(told))
    ));
    if found.is_empty() { Vec::new() } else { vec![caution.about(arms)] }
}

fn bursts_in<'a>(arm: &Witnessed<'a>) -> Vec<&'a Reading> {
    let told: Vec<(&Reading, f64)> =
        arm.loaded.iter().filter_map(|reading| Some((*reading, reading.foreign()?.share))).collect();
    if told.len() < BLOCKS_MIN {
        return Vec::new();
    }
    let mut shares: Vec<f64> = told.iter().map(|(_, share)| *share).collect();
    shares.sort_by(f64::total_cmp);
    // The quartile of quieter blocks is used, so that others are still seen if they come in more than half of the
    // blocks.
    let (quarter, half) = (shares[shares.len() / 4], shares[shares.len() / 2]);
    let more = (MORE_SPREADS * (half - quarter)).clamp(MORE_MIN, MORE_MAX);
    let rounding = |reading: &Reading| TICKS_MIN * TICK_S / reading.machine.capacity_s;
    let is_burst = |(reading, share): &(&Reading, f64)| *share > quarter + more.max(rounding(reading));
    told.into_iter().filter(is_burst).map(|(reading, _)| reading).collect()
}

/// Warns about rounds that were left out because something stood still within one of their blocks.
pub(super) fn stopped(run: &Run) -> Vec<Caution> {
    let still = |left_out: &LeftOut| match left_out.reason {
        Reason::StoppedS(seconds) => Some(format!("round {} `{}` {seconds:.1} s", left_out.round + 1, left_out.arm)),
        Reason::ForeignShare(_) => None,
    };
    let found: Vec<String> = run.observations.left_out.iter().filter_map(still).collect();
    if found.is_empty() {
        return Vec::new();
    }
    vec![CautionKind::Stopped.caution(format!(
        "the load generator, this program or the whole machine stood still within blocks ({}): they were stopped or suspended, \
         and what others used meanwhile belongs to no request; those rounds are left out; let runs go on without a pause",
        listed(found)
    ))]
}

/// The first items, and the number of the rest.
fn listed(items: impl IntoIterator<Item = String>) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    let beyond = items.len().saturating_sub(NAMED_MAX);
    items.truncate(NAMED_MAX);
    if beyond > 0 {
        items.push(format!("and {beyond} more"));
    }
    items.join(", ")
}
