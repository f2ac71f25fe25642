use super::{CautionKind, Run, Witnessed};
use crate::Caution;

/// CPU times that lack what was done in interrupts, and how much that was on the whole machine.
pub(super) fn interrupts_apart(run: &Run) -> Vec<Caution> {
    if run.observations.facts.interrupts_apart != Some(true) {
        return Vec::new();
    }
    let spent = run.arms.iter().filter_map(|arm| Some(format!("`{}` {:.3} ms", arm.name, in_interrupts_ms(arm)?)));
    let spent: Vec<String> = spent.collect();
    vec![CautionKind::InterruptsApart.caution(format!(
        "this kernel takes time in interrupts off the tasks that they interrupt (CONFIG_IRQ_TIME_ACCOUNTING): the CPU times of \
         all arms lack the network's work that was done there, and nothing tells whose it was; the whole machine spent {} per \
         request in interrupts: add the difference between arms to that of their CPU times, or boot with `tsc=noirqtime`",
        spent.join(", ")
    ))]
}

/// What the whole machine spent in interrupts while the arm was under load, per request; none without requests.
fn in_interrupts_ms(arm: &Witnessed) -> Option<f64> {
    let requests = Some(arm.requests()).filter(|requests| *requests > 0)?;
    let spent_s: f64 = arm.loaded.iter().map(|reading| reading.machine.irq_s + reading.machine.softirq_s).sum();
    Some(spent_s * 1e3 / requests as f64)
}
