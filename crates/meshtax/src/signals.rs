use std::fs;

use anyhow::Context;
use lab::Stop;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Exit status of a command that the user interrupted: that of a shell's program that SIGINT ended.
pub const INTERRUPTED: u8 = 130;

/// Returns a flag that Ctrl-C, SIGTERM and SIGHUP set. SIGHUP is left alone if it is ignored, as under `nohup`.
pub fn heed_signals() -> anyhow::Result<Stop> {
    let stop = heed_ends()?;
    if !ignores_hangup() {
        signal_hook::flag::register(SIGHUP, stop.0.clone()).context("cannot listen for signals")?;
    }
    Ok(stop)
}

/// Whether this program was started with SIGHUP ignored.
pub fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored >> (SIGHUP - 1) & 1 == 1)
}

/// Returns a flag that Ctrl-C and SIGTERM set.
pub fn heed_ends() -> anyhow::Result<Stop> {
    let stop = Stop::default();
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.0.clone()).context("cannot listen for signals")?;
    }
    Ok(stop)
}
