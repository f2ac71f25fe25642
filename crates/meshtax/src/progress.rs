use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use agent::visible;

use crate::output::say;

/// Words to whoever waits: a line that changes on a terminal, a line now and then elsewhere.
pub struct Progress {
    bar: Option<ProgressBar>,
    said: Instant,
}

/// Without a terminal, a changing line is printed no more often than this.
const PAUSE: Duration = Duration::from_secs(5);

impl Progress {
    /// Progress on standard error.
    pub fn new() -> Progress {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is valid"));
            bar
        });
        Progress { bar, said: Instant::now() }
    }

    /// A line that stays.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }

    /// What is going on at the moment.
    pub fn state(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(visible(text).into_owned());
                bar.tick();
            }
            None if self.said.elapsed() > PAUSE => {
                self.said = Instant::now();
                say(text);
            }
            None => {}
        }
    }

    /// Removes the changing line.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
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
