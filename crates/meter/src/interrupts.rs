use std::path::Path;

use crate::MeterError;
use crate::text::{Text, read_if_there};

/// Whether this kernel takes time in interrupts, and so much of the work for the network, off the tasks that were
/// interrupted, and with them off their control groups: `CONFIG_IRQ_TIME_ACCOUNTING`, at work. None where it cannot be told.
///
/// - Without it the kernel looks at each tick whether it interrupted an interrupt, which cannot be, so that `irq` in
///   `/proc/stat` stays 0; with it that time is measured (`account_system_time` and `irqtime_account_irq` in
///   kernel/sched/cputime.c). It is off where the scheduler's clock is not stable, however the kernel was built.
/// - `/proc/pressure/irq` exists with it only (kernel/sched/psi.c, since Linux 6.1).
/// - Where some processors run without ticks (`nohz_full`), `irq` is measured too and tasks are charged all the same.
///
/// How much of it met a group's tasks nothing tells: `irq.pressure` of a group is a mean over processors, weighted by how
/// busy they were, and no sum.
///
/// # Errors
///
/// A file cannot be read.
pub fn interrupts_apart(root: &Path) -> Result<Option<bool>, MeterError> {
    let stat = Text::open(root.join("proc/stat"))?;
    let irq = irq_ticks(&stat.read()?).ok_or_else(|| stat.lacks("cpu"))?;
    if irq == 0 {
        return Ok(Some(false));
    }
    if root.join("proc/pressure/irq").exists() {
        return Ok(Some(true));
    }
    let tickless = read_if_there(&root.join("sys/devices/system/cpu/nohz_full"))?.unwrap_or_default();
    let has_tickless = tickless.contains(|letter: char| letter.is_ascii_digit());
    Ok((!has_tickless).then_some(true))
}

/// `irq` of the line `cpu user nice system idle iowait irq softirq …` (proc_stat(5)).
fn irq_ticks(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("cpu "))?.split_whitespace().nth(5)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn kernels_that_account_interrupts_apart_are_known_by_what_they_count() {
        let check = |irq: u64, files: &[(&str, &str)], expected: Option<bool>| {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir_all(root.path().join("proc/pressure")).unwrap();
            fs::create_dir_all(root.path().join("sys/devices/system/cpu")).unwrap();
            fs::write(root.path().join("proc/stat"), format!("cpu  500 1 300 9000 7 {irq} 80 9 0 0\n")).unwrap();
            files.iter().for_each(|(name, text)| fs::write(root.path().join(name), text).unwrap());
            assert_eq!(interrupts_apart(root.path()).unwrap(), expected, "{irq} {files:?}");
        };
        let pressure = ("proc/pressure/irq", "full avg10=0.00 avg60=0.00 avg300=0.00 total=1234\n");
        let tickless = |cores| ("sys/devices/system/cpu/nohz_full", cores);
        check(0, &[], Some(false));
        check(0, &[pressure], Some(false));
        check(55, &[pressure, tickless("1\n")], Some(true));
        check(55, &[], Some(true));
        check(55, &[tickless("(null)\n")], Some(true));
        check(55, &[tickless("1-3\n")], None);
    }
}
