//! Prints a line for each event: what all tools that show events share.

use attribution::{Column, Line, LineForm, Printer};
use jiff::Zoned;

use crate::cli::WatchOptions;
use crate::failure::Failure;
use crate::output::stream;

/// How one kind of event is printed.
pub trait Tells {
    /// The event.
    type Event;

    /// Whether the filter admits an event.
    fn admits(&self, event: &Self::Event) -> bool;

    /// Makes the line for an event.
    fn line(&mut self, event: &Self::Event) -> Line;

    /// Refreshes names and the clock before more events are printed.
    fn refresh(&mut self);
}

/// Prints the events that the filter admits, up to a limit.
pub struct Teller<T> {
    pub tells: T,
    pub printer: Printer,
    form: LineForm,
    /// Whether lines begin with the time of day. Only for tools whose lines do not have it anyway.
    timed: bool,
    told: u64,
    most: Option<u64>,
}

/// The column of the time of day.
const TIME: Column = Column::words("TIME", 8);

impl<T: Tells> Teller<T> {
    /// Makes a teller that prints at most `most` events, in these columns if the format is text.
    pub fn new(tells: T, options: &WatchOptions, columns: &'static [Column], most: Option<u64>) -> Self {
        let form = options.form();
        let timed = options.timestamp && columns.iter().all(|column| column.name != TIME.name);
        let columns: Vec<Column> = timed.then_some(TIME).into_iter().chain(columns.iter().copied()).collect();
        Self { tells, printer: Printer::new(form, &columns), form, timed, told: 0, most }
    }

    /// Prints these events.
    ///
    /// # Errors
    ///
    /// Returns an error if the reader of standard output has gone.
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

    /// Whether the requested number of lines has been printed.
    pub fn is_enough(&self) -> bool {
        self.most.is_some_and(|most| self.told >= most)
    }

    /// Prints the events of an interval, at most `most`, under a heading with the time.
    ///
    /// # Errors
    ///
    /// Returns an error if the reader of standard output has gone.
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
            stream(&if more > 0 { format!("… and {more} more; --rows shows them\n\n") } else { "\n".to_owned() })?;
        }
        Ok(())
    }
}
