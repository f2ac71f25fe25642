//! The screen of `meshtax top`: what it shows and how it answers keys. This module touches no terminal.

mod draw;
mod field;

use std::time::Duration;

use jiff::Zoned;
use ratatui::Frame;
use records::Connection;

use crate::directory::Names;
use field::Field;

/// Help text for the keys.
pub const KEYS: &str = "\
/           show only what has a text in process, pod, service, address
            or port; Enter keeps it, Esc clears it
space       freeze what is shown, and go on
left right  sort by another column; 0 busiest first, 1 to 9 by that column
r           turn the order round
+ -         longer or shorter intervals
up down     go through the rows; also page up, page down and home
?           help
q Esc ^C    quit";

/// Lengths of an interval that the keys `+` and `-` choose from, in milliseconds.
const INTERVALS_MS: [u64; 9] = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

/// Number of rows that a page key moves by.
const PAGE: usize = 10;

/// What connections moved in an interval, and how the reader wants to see it.
#[derive(Clone, Debug)]
pub struct Screen {
    ink: Ink,
    interval: Duration,
    latest: Option<ShownRow>,
    /// What is shown while the screen is frozen.
    frozen: Option<ShownRow>,
    total: Traffic,
    /// Width of the widest cell so far, by field, so that columns do not jump.
    widths: [usize; Field::ALL.len()],
    /// Field that rows are sorted by; `None` for busiest first.
    sort: Option<Field>,
    reversed: bool,
    pattern: String,
    mode: Mode,
    /// Index of the row at the top.
    first: usize,
}

/// What connections moved within one interval.
#[derive(Clone, Debug)]
pub struct ScreenLook {
    /// When the interval ended.
    pub at: Zoned,
    /// How long the interval was.
    pub took: Duration,
    /// Connections that moved something, busiest first.
    pub rows: Vec<Row>,
}

/// What one connection moved within an interval.
#[derive(Clone, Debug)]
pub struct Row {
    /// The connection. Its `sent`, `received` and `retransmits` count only this interval.
    pub connection: Connection,
    /// Names of the connection's two sides.
    pub names: Names,
}

/// Text styles that the terminal supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Bold and reversed text.
    Plain,
    /// Bold and reversed text, and colours.
    Colour,
}

/// A key that the screen answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those on the keyboard")]
pub enum Keystroke {
    Letter(char),
    Enter,
    Escape,
    Backspace,
    Left,
    Right,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
}

/// What happens after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The screen stays open.
    Stay,
    /// The screen closes.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Reading,
    Typing,
    Help,
}

#[derive(Clone, Debug)]
struct ShownRow {
    look: ScreenLook,
    /// What moved since the start, up to this interval.
    total: Traffic,
}

#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    sent: u64,
    received: u64,
    retransmits: u64,
    /// Whether more bytes moved than could be counted.
    is_partial: bool,
}

impl Screen {
    /// Creates a screen that has no interval yet.
    pub fn new(interval: Duration, ink: Ink) -> Self {
        Self {
            ink,
            interval,
            latest: None,
            frozen: None,
            total: Traffic::default(),
            widths: Field::ALL.map(|field| field.name().len()),
            sort: None,
            reversed: false,
            pattern: String::new(),
            mode: Mode::Reading,
            first: 0,
        }
    }

    /// Returns the length of the next interval.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Shows what moved in one more interval.
    pub fn take(&mut self, look: ScreenLook) {
        for (width, field) in self.widths.iter_mut().zip(Field::ALL) {
            let cells = look.rows.iter().map(|row| field.cell(row, look.took).chars().count());
            *width = cells.fold(*width, usize::max);
        }
        let moved = Traffic::of(&look.rows.iter().collect::<Vec<_>>());
        self.total.sent += moved.sent;
        self.total.received += moved.received;
        self.total.retransmits += moved.retransmits;
        self.total.is_partial |= moved.is_partial;
        self.latest = Some(ShownRow { look, total: self.total });
    }

    /// Answers a key.
    pub fn press(&mut self, key: Keystroke) -> Next {
        match self.mode {
            Mode::Help => self.mode = Mode::Reading,
            Mode::Typing => self.edit(key),
            Mode::Reading => return self.command(key),
        }
        Next::Stay
    }

    /// Draws the whole screen.
    pub fn draw(&self, frame: &mut Frame<'_>) {
        draw::draw(self, frame);
    }

    fn edit(&mut self, key: Keystroke) {
        self.first = 0;
        match key {
            Keystroke::Letter(letter) => self.pattern.push(letter),
            Keystroke::Backspace => drop(self.pattern.pop()),
            Keystroke::Enter => self.mode = Mode::Reading,
            Keystroke::Escape => {
                self.pattern.clear();
                self.mode = Mode::Reading;
            }
            _ => (),
        }
    }

    fn command(&mut self, key: Keystroke) -> Next {
        match key {
            Keystroke::Letter('q') | Keystroke::Escape => return Next::End,
            Keystroke::Letter('?' | 'h') => self.mode = Mode::Help,
            Keystroke::Letter('/') => self.mode = Mode::Typing,
            Keystroke::Letter(' ') => self.frozen = if self.frozen.is_none() { self.latest.clone() } else { None },
            Keystroke::Letter('r') => self.reversed = !self.reversed,
            Keystroke::Letter('+' | '=') => self.interval = longer(self.interval),
            Keystroke::Letter('-') => self.interval = shorter(self.interval),
            Keystroke::Letter(digit @ '0'..='9') => self.sort_by(digit as usize - '0' as usize),
            Keystroke::Right => self.sort_by((self.place() + 1) % (Field::ALL.len() + 1)),
            Keystroke::Left => self.sort_by((self.place() + Field::ALL.len()) % (Field::ALL.len() + 1)),
            Keystroke::Up => self.first = self.first.saturating_sub(1),
            Keystroke::PageUp => self.first = self.first.saturating_sub(PAGE),
            Keystroke::Down => self.go_down(1),
            Keystroke::PageDown => self.go_down(PAGE),
            Keystroke::Home => self.first = 0,
            Keystroke::Letter(_) | Keystroke::Enter | Keystroke::Backspace => (),
        }
        Next::Stay
    }

    /// Sorts by the field at this position, counted from 1. Position 0 means busiest first.
    fn sort_by(&mut self, place: usize) {
        self.sort = place.checked_sub(1).map(|index| Field::ALL[index]);
        self.reversed = false;
        self.first = 0;
    }

    fn place(&self) -> usize {
        self.sort.map_or(0, |sort| sort as usize + 1)
    }

    fn go_down(&mut self, rows: usize) {
        self.first = (self.first + rows).min(self.rows().len().saturating_sub(1));
    }

    fn shown(&self) -> Option<&ShownRow> {
        self.frozen.as_ref().or(self.latest.as_ref())
    }

    /// Returns the rows that match the pattern, in the chosen order.
    fn rows(&self) -> Vec<&Row> {
        let all = self.shown().into_iter().flat_map(|shown| &shown.look.rows);
        let mut rows: Vec<&Row> = all.filter(|row| row.has(&self.pattern)).collect();
        if let Some(field) = self.sort {
            rows.sort_by(|one, other| field.order(one, other));
        }
        if self.reversed {
            rows.reverse();
        }
        rows
    }
}

impl Row {
    /// Returns whether the process, pod, service or either address and port contains the pattern, in any case.
    fn has(&self, pattern: &str) -> bool {
        let Connection { comm, local, remote, .. } = &self.connection;
        let pattern = pattern.to_lowercase();
        let Names { pod, service } = &self.names;
        let names = [comm, pod, service.as_deref().unwrap_or_default()].map(str::to_lowercase);
        let words = names.into_iter().chain([local.to_string(), remote.to_string()]);
        words.into_iter().any(|word| word.contains(&pattern))
    }
}

impl Traffic {
    fn of(rows: &[&Row]) -> Self {
        let sum = |part: fn(&Connection) -> u64| rows.iter().map(|row| part(&row.connection)).sum();
        Self {
            sent: sum(|connection| connection.sent),
            received: sum(|connection| connection.received),
            retransmits: sum(|connection| connection.retransmits.into()),
            is_partial: rows.iter().any(|row| row.connection.flags.bypassed),
        }
    }
}

fn longer(interval: Duration) -> Duration {
    INTERVALS_MS.map(Duration::from_millis).into_iter().find(|known| *known > interval).unwrap_or(interval)
}

fn shorter(interval: Duration) -> Duration {
    INTERVALS_MS.map(Duration::from_millis).into_iter().rfind(|known| *known < interval).unwrap_or(interval)
}

#[cfg(test)]
mod tests;
