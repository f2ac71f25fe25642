use super::{CautionKind, Run, Witnessed};
use crate::Caution;

/// Warns if CPU times exclude work in interrupts, and says how much of it the whole machine did.
pub(super) fn interrupts_apart(run: &Run) -> Vec<Caution> {
    if run.observations.facts.interrupts_apart != Some(true) {
        return Vec::new();
    }
    let spent = run.arms.iter().filter_map(|arm| Some(format!("`{}` {:.3} ms", arm.name, in_interrupts_ms(arm)?)));
    let spent: Vec<String> = spent.collect();
    vec![CautionKind::InterruptsApart.caution(format!(
        "this kernel subtracts time in interrupts from the interrupted tasks (CONFIG_IRQ_TIME_ACCOUNTING): the CPU times of \
         all arms exclude the network work done there, and nothing shows whose it was; the whole machine spent {} per request \
         in interrupts: add the difference between arms to the difference of their CPU times, or boot with `tsc=noirqtime`",
        spent.join(", ")
    ))]
}

/// CPU time that the whole machine spent in interrupts during the arm's blocks, per request, in milliseconds; `None`
/// without requests.
fn in_interrupts_ms(arm: &Witnessed) -> Option<f64> {
    let requests = Some(arm.requests()).filter(|requests| *requests > 0)?;
    let spent_s: f64 = arm.loaded.iter().map(|reading| reading.machine.irq_s + reading.machine.softirq_s).sum();
    Some(spent_s * 1e3 / requests as f64)
}
