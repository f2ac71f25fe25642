use std::time::Duration;

/// When requests are due: one after the other, each a pause after the end of the one before, and not sooner than one
/// pace after that one was due.
///
/// Times are nanoseconds on one clock. A due time depends on earlier ends only, never on when somebody looked at a
/// clock, so that a late start is lateness and does not move the schedule.
pub(crate) struct Schedule {
    left: u64,
    pause_ns: u64,
    pace_ns: u64,
    next_ns: u64,
}

impl Schedule {
    /// `requests` requests, the first of them due at `start_ns`.
    pub(crate) fn sequential(start_ns: u64, requests: u64, think: Duration, pace: Duration) -> Self {
        Self { left: requests, pause_ns: ns(think), pace_ns: ns(pace), next_ns: start_ns }
    }

    /// When the next request is due; none after the last.
    pub(crate) fn due_ns(&self) -> Option<u64> {
        (self.left > 0).then_some(self.next_ns)
    }

    /// The request that was due is over.
    pub(crate) fn ended(&mut self, end_ns: u64) {
        self.left = self.left.saturating_sub(1);
        let thought_ns = end_ns.saturating_add(self.pause_ns);
        self.next_ns = thought_ns.max(self.next_ns.saturating_add(self.pace_ns));
    }
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
