//! A line for each event of a kind: what every tool does that tells what happens.

use agent::{Column, Line, Printer};

use crate::cli::WatchOptions;
use crate::failure::Failure;
use crate::output::stream;

/// How events of a kind are told.
pub trait Tells {
    /// What happens.
    type Event;

    /// The line of an event; none if nobody is interested in it.
    fn line(&mut self, event: &Self::Event) -> Option<Line>;

    /// Looks names and times up anew, before more events are told.
    fn refresh(&mut self);
}

/// Tells events that are of interest, until there were enough.
pub struct Teller<T> {
    pub tells: T,
    pub printer: Printer,
    told: u64,
    most: Option<u64>,
}

impl<T: Tells> Teller<T> {
    /// Tells `most` of them at most, in these columns where it is text.
    pub fn new(tells: T, options: &WatchOptions, columns: &'static [Column], most: Option<u64>) -> Self {
        Self { tells, printer: Printer::new(options.form(), columns), told: 0, most }
    }

    /// Tells these.
    ///
    /// # Errors
    ///
    /// Nobody reads it any more.
    pub fn tell(&mut self, seen: &[T::Event]) -> Result<(), Failure> {
        self.tells.refresh();
        let mut text = String::new();
        for event in seen {
            if self.is_enough() {
                break;
            }
            if let Some(line) = self.tells.line(event) {
                text += &self.printer.line(&line);
                self.told += 1;
            }
        }
        stream(&text)?;
        Ok(())
    }

    /// Whether there were as many as were asked for.
    pub fn is_enough(&self) -> bool {
        self.most.is_some_and(|most| self.told >= most)
    }
}
