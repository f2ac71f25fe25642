use std::time::Duration;

/// Whoever waits for a run, and is told how it goes.
pub trait Progress {
    /// Tells something that stays true.
    fn note(&self, text: &str);

    /// Tells what is going on at the moment.
    fn state(&mut self, text: &str);
}

/// A length of time for people: `48 s`, `2 min 05 s`, `3 h 20 min`, `12 days`.
pub fn spoken(time: Duration) -> String {
    const DAY: u64 = 24 * 3600;
    match time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)) {
        seconds if seconds < 60 => format!("{seconds} s"),
        seconds if seconds < 3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        seconds if seconds < 2 * DAY => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        seconds if seconds < 1000 * DAY => format!("{} days", seconds / DAY),
        seconds => format!("{} years", seconds / (365 * DAY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_fitting_units() {
        for (seconds, told) in [
            (48, "48 s"),
            (125, "2 min 05 s"),
            (12_000, "3 h 20 min"),
            (12 * 86_400, "12 days"),
            (u64::MAX, "584942417355 years"),
        ] {
            assert_eq!(spoken(Duration::from_secs(seconds)), told);
        }
        assert_eq!(spoken(Duration::from_millis(1)), "1 s");
        assert!(spoken(Duration::MAX).ends_with(" years"));
    }
}
