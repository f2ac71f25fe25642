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

/// A length of time for people: `48 s`, `2 min 05 s`.
pub fn spoken(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil() as u64;
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {:02} s", seconds / 60, seconds % 60) }
}
