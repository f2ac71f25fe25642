use std::time::{Duration, Instant};

use lab::Stop;

use crate::cli::WatchOptions;
use crate::signals::heed_signals;

/// Longest wait before a stop is looked at.
pub const GLANCE: Duration = Duration::from_millis(100);

/// When a live tool is to end: after its time, or when the user says so.
pub struct Shift {
    stop: Stop,
    until: Option<Instant>,
}

impl Shift {
    /// Begins now.
    pub fn begin(options: &WatchOptions) -> anyhow::Result<Self> {
        let stop = heed_signals()?;
        let until = options.duration.map(|duration| Instant::now() + duration.0);
        Ok(Self { stop, until })
    }

    pub fn is_over(&self) -> bool {
        self.stop.is_set() || self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// How long to wait for what happens next.
    pub fn left(&self) -> Duration {
        let left = self.until.map_or(GLANCE, |until| until.saturating_duration_since(Instant::now()));
        left.min(GLANCE)
    }
}
