//! A line for each event of a kind: what every tool does that tells what happens.

use attribution::{Column, Line, LineForm, Printer};
use jiff::Zoned;

use crate::cli::WatchOptions;
use crate::failure::Failure;
use crate::output::stream;

/// How events of a kind are told.
pub trait Tells {
    /// What happens.
    type Event;

    /// Whether anybody is interested in an event.
    fn admits(&self, event: &Self::Event) -> bool;

    /// The line of an event.
    fn line(&mut self, event: &Self::Event) -> Line;

    /// Looks names and times up anew, before more events are told.
    fn refresh(&mut self);
}

/// Tells events that are of interest, until there were enough.
pub struct Teller<T> {
    pub tells: T,
    pub printer: Printer,
    form: LineForm,
    /// Whether a line begins with the time, which it does not have of itself.
    timed: bool,
    told: u64,
    most: Option<u64>,
}

/// The time of day, as tools that always tell it call it.
const TIME: Column = Column::words("TIME", 8);

impl<T: Tells> Teller<T> {
    /// Tells `most` of them at most, in these columns where it is text.
    pub fn new(tells: T, options: &WatchOptions, columns: &'static [Column], most: Option<u64>) -> Self {
        let form = options.form();
        let timed = options.timestamp && columns.iter().all(|column| column.name != TIME.name);
        let columns: Vec<Column> = timed.then_some(TIME).into_iter().chain(columns.iter().copied()).collect();
        Self { tells, printer: Printer::new(form, &columns), form, timed, told: 0, most }
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
            if self.tells.admits(event) {
                let mut line = self.tells.line(event);
                if self.timed {
                    line.cells.insert(0, Zoned::now().strftime("%H:%M:%S").to_string());
                }
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

    /// Tells what happened in an interval, `most` of it at most, under a heading with the time.
    ///
    /// # Errors
    ///
    /// Nobody reads it any more.
    pub fn tell_interval(&mut self, mut seen: Vec<T::Event>, most: Option<u64>) -> Result<(), Failure> {
        seen.retain(|event| self.tells.admits(event));
        let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let more = seen.len().saturating_sub(most);
        seen.truncate(most);
        self.printer.head_again();
        if self.form == LineForm::Text {
            stream(&Zoned::now().strftime("%H:%M:%S\n").to_string())?;
        }
        stream(&self.printer.heading())?;
        self.tell(&seen)?;
        if self.form == LineForm::Text {
            stream(&if more > 0 { format!("… and {more} more; --rows tells them\n\n") } else { "\n".to_owned() })?;
        }
        Ok(())
    }
}
