use bytesize::ByteSize;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Paragraph, Row as Cells, Table};

use super::field::{Field, per_second};
use super::{Ink, KEYS, Mode, Row, Screen, ShownRow, Traffic};

/// Minimum width of an address, however narrow the terminal is. IPv4 with a port always fits.
const ADDRESS_LEAST: usize = 21;

const COLUMNS: &str = "\
RX and TX are what the application receives and sends; RTT_MS is smoothed;
RETR counts segments sent again in the interval; SERVICE is what is called.";

pub fn draw(screen: &Screen, frame: &mut Frame<'_>) {
    let [top, sums, middle, bottom] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)])
            .areas(frame.area());
    let width = usize::from(frame.area().width);
    let rows = screen.rows();
    frame.render_widget(Line::styled(fitting(&how(screen), width), screen.ink.strong()), top);
    if let Some(shown) = screen.shown() {
        frame.render_widget(Line::from(fitting(&totals(shown, &rows), width)), sums);
    }
    match (screen.mode, screen.shown()) {
        (Mode::Help, _) => frame.render_widget(Paragraph::new(format!("{KEYS}\n\n{COLUMNS}")), middle),
        (_, None) => frame.render_widget(Line::from("waiting for the first interval to end"), middle),
        (_, Some(shown)) => frame.render_widget(table(screen, shown, &rows, middle), middle),
    }
    frame.render_widget(Line::styled(footer(screen), screen.ink.quiet()), bottom);
}

/// Describes the view, the most important part first.
fn how(screen: &Screen) -> Vec<String> {
    let Screen { interval, pattern, sort, reversed, .. } = screen;
    let mut parts = vec![screen.shown().map_or_else(String::new, |shown| shown.look.at.strftime("%T").to_string())];
    if screen.frozen.is_some() {
        parts.push("FROZEN".to_owned());
    }
    if !pattern.is_empty() {
        parts.push(format!("only `{pattern}`"));
    }
    let by = sort.map_or("busiest first".to_owned(), |field| format!("by {}", field.name().trim_start()));
    parts.push(if *reversed { format!("{by}, reversed") } else { by });
    parts.push(format!("every {interval:?}"));
    parts.retain(|part| !part.is_empty());
    parts
}

/// Describes what the rows moved, and what has moved since the start.
fn totals(shown: &ShownRow, rows: &[&Row]) -> Vec<String> {
    let Traffic { sent, received, retransmits, is_partial } = Traffic::of(rows);
    let took = shown.look.took;
    let at_least = |is_partial| if is_partial { "≥ " } else { "" };
    let (least, least_of_all) = (at_least(is_partial), at_least(shown.total.is_partial));
    let all = |bytes| format!("{least_of_all}{:.3}", ByteSize(bytes).display().si());
    let (all_received, all_sent) = (all(shown.total.received), all(shown.total.sent));
    vec![
        format!("RX {least}{}/s", per_second(received, took)),
        format!("TX {least}{}/s", per_second(sent, took)),
        counted(rows.len() as u64, "connection"),
        counted(retransmits, "retransmit"),
        format!("since start RX {all_received}, TX {all_sent}"),
    ]
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn footer(screen: &Screen) -> String {
    match screen.mode {
        Mode::Help => "any key goes back".to_owned(),
        Mode::Typing => format!("/{}_", screen.pattern),
        Mode::Reading => "? help  / filter  space freeze  q quit".to_owned(),
    }
}

/// Joins as many of the parts as fit into the width.
fn fitting(parts: &[String], width: usize) -> String {
    let mut text = String::new();
    for part in parts {
        let gap = if text.is_empty() { "" } else { "  " };
        if !text.is_empty() && text.chars().count() + gap.len() + part.chars().count() > width {
            break;
        }
        text = text + gap + part;
    }
    text
}

fn table<'a>(screen: &Screen, shown: &ShownRow, rows: &[&Row], area: Rect) -> Table<'a> {
    let columns = columns(&screen.widths, usize::from(area.width));
    let heading = columns.iter().map(|(field, _)| {
        let style = if screen.sort == Some(*field) { screen.ink.strong().reversed() } else { screen.ink.strong() };
        cell(*field, field.name().to_owned()).style(style)
    });
    let first = screen.first.min(rows.len().saturating_sub(1));
    let line = |row: &&Row| {
        let cells = columns.iter().map(|(field, width)| {
            let text = field.cell(row, shown.look.took);
            let text = if field.is_address() { shortened(&text, *width) } else { text };
            cell(*field, text).style(screen.ink.of(*field, row))
        });
        Cells::new(cells.collect::<Vec<_>>())
    };
    let lines = rows[first..].iter().take(usize::from(area.height)).map(line);
    let widths = columns.iter().map(|(_, width)| Constraint::Length(*width as u16));
    Table::new(lines.collect::<Vec<_>>(), widths.collect::<Vec<_>>()).header(Cells::new(heading.collect::<Vec<_>>()))
}

fn cell<'a>(field: Field, text: String) -> Cell<'a> {
    let text = Text::from(text);
    Cell::new(if field.is_number() { text.right_aligned() } else { text })
}

/// Chooses the columns that fit into the room, with their widths.
fn columns(widths: &[usize; Field::ALL.len()], room: usize) -> Vec<(Field, usize)> {
    // Addresses get the width that no other column is likely to need.
    let address_most = ADDRESS_LEAST.max(room.saturating_sub(48) / 2);
    let width = |field: Field| match widths[field as usize] {
        width if field.is_address() => width.min(address_most),
        width => width,
    };
    let mut left = room + 1;
    let fits = |field: &Field| match left.checked_sub(width(*field) + 1) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let kept: Vec<Field> = Field::BY_WORTH.into_iter().take_while(fits).collect();
    Field::ALL.into_iter().filter(|field| kept.contains(field)).map(|field| (field, width(field))).collect()
}

/// Shortens an address that is too long in its middle, so that both the network and the port stay.
fn shortened(address: &str, width: usize) -> String {
    let letters: Vec<char> = address.chars().collect();
    if letters.len() <= width {
        return address.to_owned();
    }
    let kept = width.saturating_sub(1);
    let (head, tail) = (kept - kept / 2, kept / 2);
    letters[..head].iter().chain(&['…']).chain(&letters[letters.len() - tail..]).collect()
}

impl Ink {
    fn strong(self) -> Style {
        match self {
            Self::Plain => Style::new().bold(),
            Self::Colour => Style::new().bold().fg(Color::Cyan),
        }
    }

    fn quiet(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Colour => Style::new().fg(Color::DarkGray),
        }
    }

    /// Highlights retransmits.
    fn of(self, field: Field, row: &Row) -> Style {
        match self {
            _ if field != Field::Retransmits || row.connection.retransmits == 0 => Style::new(),
            Self::Plain => Style::new().bold(),
            Self::Colour => Style::new().bold().fg(Color::Red),
        }
    }
}
