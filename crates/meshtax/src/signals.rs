use anyhow::Context;
use lab::Stop;

/// A flag that Ctrl-C, SIGTERM and the end of the terminal set.
pub fn heed_signals() -> anyhow::Result<Stop> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let stop = Stop::default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, stop.0.clone()).context("cannot listen for signals")?;
    }
    Ok(stop)
}
