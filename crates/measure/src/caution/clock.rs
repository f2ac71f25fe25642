use std::collections::BTreeSet;

use super::{CautionKind, Run};
use crate::Caution;

/// Clock sources with nanosecond resolution that are read in user space, in some tens of nanoseconds.
const FAST: [&str; 6] =
    ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "riscv_clocksource", "timebase"];

/// The frequency governor that does not change the frequency with the load.
const STEADY: &str = "performance";

/// Warns about slow clock sources and changing frequencies. Machines that do not report them pass.
pub(super) fn clocks(run: &Run) -> Vec<Caution> {
    [source(run), frequency(run)].into_iter().flatten().collect()
}

fn source(run: &Run) -> Option<Caution> {
    let sources: BTreeSet<&str> =
        run.observations.facts.clocks.iter().filter_map(|clock| clock.source.as_deref()).collect();
    let slow: Vec<&str> = sources.into_iter().filter(|source| !FAST.contains(source)).collect();
    (!slow.is_empty()).then(|| {
        CautionKind::ClockSource.caution(format!(
            "the kernel's clock source was `{}`: each reading of the clock is a system call of a microsecond or more, also in \
             services and sidecars;  see `dmesg` for why the kernel left `tsc`, or try another machine",
            slow.join("`, `")
        ))
    })
}

fn frequency(run: &Run) -> Option<Caution> {
    let clocks = run.observations.facts.clocks.iter().filter(|clock| !clock.governors.is_empty());
    let states: BTreeSet<&BTreeSet<String>> = clocks.map(|clock| &clock.governors).collect();
    let governors: BTreeSet<&str> = states.iter().flat_map(|state| state.iter().map(String::as_str)).collect();
    if governors.iter().all(|governor| *governor == STEADY) {
        return None;
    }
    let named: Vec<&str> = governors.into_iter().collect();
    let changed = if states.len() > 1 { ", which changed during the run" } else { "" };
    Some(CautionKind::CpuFrequency.caution(format!(
        "the cores' frequency governor was `{}`{changed}: an arm that keeps processors busier may run at a higher frequency \
         and look cheaper; try `cpupower frequency-set --governor {STEADY}`",
        named.join("`, `")
    )))
}
