use anyhow::Context;
use lab::Stop;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// A flag that Ctrl-C, SIGTERM and the end of the terminal set.
pub fn heed_signals() -> anyhow::Result<Stop> {
    let stop = heed_ends()?;
    signal_hook::flag::register(SIGHUP, stop.0.clone()).context("cannot listen for signals")?;
    Ok(stop)
}

/// A flag that Ctrl-C and SIGTERM set.
pub fn heed_ends() -> anyhow::Result<Stop> {
    let stop = Stop::default();
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.0.clone()).context("cannot listen for signals")?;
    }
    Ok(stop)
}
