use super::{CautionKind, Run, Witnessed};
use crate::{Caution, LeftOut, Reading, Reason};

/// Others may have this share of the machine's processors in a block beyond what they usually have: what the machine does by
/// itself differs by a few hundredths, and the kernel tells how busy it was to 10 ms only.
const MORE_MIN: f64 = 0.15;
/// On a machine whose usual load varies more it may be so many times the distance between the quarter and the half of the
/// blocks, …
const MORE_SPREADS: f64 = 6.0;
/// … but never this much.
const MORE_MAX: f64 = 0.3;

/// The kernel tells how busy a machine was in ticks; so many of them between two short blocks are its rounding.
const TICKS_MIN: f64 = 3.0;
const TICK_S: f64 = 0.01;

/// So few blocks do not tell what is usual.
const BLOCKS_MIN: usize = 4;

/// So many blocks are named.
const NAMED_MAX: usize = 8;

/// Blocks in which others were busier than they usually are in this run. They are in all figures.
pub(super) fn bursts(run: &Run) -> Vec<Caution> {
    let found: Vec<&Reading> = run.arms.iter().flat_map(bursts_in).collect();
    let mut arms: Vec<&str> = found.iter().map(|reading| &*reading.arm).collect();
    arms.dedup();
    let told = |reading: &&Reading| {
        let cores = reading.foreign().map_or(0.0, |foreign| foreign.cores);
        format!("round {} `{}` {cores:.1}", reading.round + 1, reading.arm)
    };
    let caution = CautionKind::Foreign.caution(format!(
        "something else kept processors busy in {} of {} blocks ({}; cores beyond the arm's own containers), more than it \
         usually did: those blocks are in every figure; end it, try more rounds, or say beforehand that such rounds are left \
         out (`--drop-foreign 20%`)",
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
    // Of the quieter blocks, so that others may come in more than half of them and are still seen.
    let (quarter, half) = (shares[shares.len() / 4], shares[shares.len() / 2]);
    let more = (MORE_SPREADS * (half - quarter)).clamp(MORE_MIN, MORE_MAX);
    let rounding = |reading: &Reading| TICKS_MIN * TICK_S / reading.machine.capacity_s;
    let is_burst = |(reading, share): &(&Reading, f64)| *share > quarter + more.max(rounding(reading));
    told.into_iter().filter(is_burst).map(|(reading, _)| reading).collect()
}

/// Rounds that are in no figure because something stood still within one of their blocks.
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
         and what others used meanwhile is no request's; those rounds are left out whole; let runs go on without a pause",
        listed(found)
    ))]
}

/// The first of them, and how many there are beside.
fn listed(items: impl IntoIterator<Item = String>) -> String {
    let mut items: Vec<String> = items.into_iter().collect();
    let beyond = items.len().saturating_sub(NAMED_MAX);
    items.truncate(NAMED_MAX);
    if beyond > 0 {
        items.push(format!("and {beyond} more"));
    }
    items.join(", ")
}
