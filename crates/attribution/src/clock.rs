use std::time::Duration;

use jiff::{SignedDuration, Zoned};

/// One instant in two clocks: the wall clock, and the clock of the kernel's events.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The instant in wall-clock time, with a time zone.
    pub wall: Zoned,
    /// The same instant in `CLOCK_MONOTONIC`.
    pub monotonic: Duration,
}

impl Clock {
    /// Converts a `CLOCK_MONOTONIC` time to wall-clock time, in RFC 3339 and UTC.
    pub(crate) fn time_of(&self, at: Duration) -> String {
        let ago = SignedDuration::try_from(self.monotonic.abs_diff(at)).unwrap_or(SignedDuration::MAX);
        let now = self.wall.timestamp();
        let then = if at > self.monotonic { now.checked_add(ago) } else { now.checked_sub(ago) };
        then.unwrap_or(now).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_kernel_lies_as_far_back_as_it_says() {
        let wall: Zoned = "2026-02-03T12:00:00+01:00[Europe/Berlin]".parse().unwrap();
        let clock = Clock { wall, monotonic: Duration::from_secs(100) };
        let check = |at_ms, time: &str| assert_eq!(clock.time_of(Duration::from_millis(at_ms)), time);
        check(100_000, "2026-02-03T11:00:00Z");
        check(98_750, "2026-02-03T10:59:58.75Z");
        check(100_001, "2026-02-03T11:00:00.001Z");
    }
}
