use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use attribution::visible;
use run::Progress;

use crate::output::say;

/// Shows progress to the user: one changing line on a terminal, an occasional line elsewhere.
pub struct StatusLine {
    bar: Option<ProgressBar>,
    said: Instant,
}

/// Without a terminal, a line is printed at most once in this time.
const PAUSE: Duration = Duration::from_secs(5);

impl StatusLine {
    /// Shows progress on standard error.
    pub fn new() -> StatusLine {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is valid"));
            bar
        });
        StatusLine { bar, said: Instant::now() }
    }

    /// Removes the changing line.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress for StatusLine {
    fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }

    fn state(&mut self, text: &str) {
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
}
