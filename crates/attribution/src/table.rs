use std::fmt::Write;

use serde_json::{Map, Value};

use crate::visible::visible_part;

/// Output format of a live tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineForm {
    /// Columns under a heading, as bcc's tools print them, followed by columns of our own.
    Text,
    /// One JSON object per line.
    Json,
    /// Comma-separated values under a heading.
    Csv,
}

/// One line of output: facts for JSON and CSV, and cells for text.
#[derive(Clone, Debug)]
pub struct Line {
    /// Facts by name, in order.
    pub facts: Map<String, Value>,
    /// Cells of the text, one for each column.
    pub cells: Vec<String>,
}

/// A column of the text.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Heading of the column.
    pub name: &'static str,
    /// Minimum width in characters.
    pub width: usize,
    /// Whether cells are aligned to the right.
    pub right: bool,
}

impl Column {
    /// Creates a left-aligned column.
    pub const fn words(name: &'static str, width: usize) -> Self {
        Self { name, width, right: false }
    }

    /// Creates a right-aligned column.
    pub const fn number(name: &'static str, width: usize) -> Self {
        Self { name, width, right: true }
    }
}

/// Returns the number, or `None` if it is 0, which means unknown, as for process ids.
pub fn nonzero<N: Default + PartialEq>(number: N) -> Option<N> {
    (number != N::default()).then_some(number)
}

/// Returns the text, or `None` if it is empty, which means unknown, as for process names.
pub fn nonempty(words: &str) -> Option<&str> {
    (!words.is_empty()).then_some(words)
}

/// Returns the cell of a fact: `-` if the fact is unknown, so that the columns stay in place.
pub fn cell(fact: Option<impl ToString>) -> String {
    fact.map_or_else(|| "-".to_owned(), |fact| fact.to_string())
}

/// Turns lines into output. A heading comes before the first line.
#[derive(Debug)]
pub struct Printer {
    form: LineForm,
    columns: Vec<Column>,
    headed: bool,
}

impl Printer {
    /// Creates a printer of lines with these columns.
    pub fn new(form: LineForm, columns: &[Column]) -> Self {
        Self { form, columns: columns.to_vec(), headed: false }
    }

    /// Returns the heading, if the format has one and it was not printed yet.
    pub fn heading(&mut self) -> String {
        if self.headed || self.form != LineForm::Text {
            return String::new();
        }
        self.headed = true;
        let names: Vec<String> = self.columns.iter().map(|column| column.name.to_owned()).collect();
        self.row(&names)
    }

    /// Lets the text print its heading once more. CSV has only one heading.
    pub fn head_again(&mut self) {
        self.headed &= self.form != LineForm::Text;
    }

    /// Returns the line, after the heading if that was not printed yet.
    pub fn line(&mut self, line: &Line) -> String {
        match self.form {
            LineForm::Text => self.heading() + &self.row(&line.cells),
            LineForm::Json => format!("{}\n", Value::Object(line.facts.clone())),
            LineForm::Csv => {
                let heading = if self.headed { String::new() } else { csv(line.facts.keys().cloned()) };
                self.headed = true;
                heading + &csv(line.facts.values().map(plain))
            }
        }
    }

    fn row(&self, cells: &[String]) -> String {
        let mut row = String::new();
        for (column, cell) in self.columns.iter().zip(cells) {
            let (cell, width) = (visible_part(cell), column.width);
            let written = if column.right { write!(row, "{cell:>width$} ") } else { write!(row, "{cell:<width$} ") };
            written.expect("a string takes all that is written");
        }
        row.truncate(row.trim_end().len());
        row.push('\n');
        row
    }
}

/// Formats a value for CSV: text without quotes, and nothing for null.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn csv(cells: impl Iterator<Item = String>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells.collect::<Vec<_>>()).expect("memory takes all that is written");
    let bytes = writer.into_inner().expect("memory takes all that is written");
    String::from_utf8(bytes).expect("cells are text")
}

#[cfg(test)]
mod tests;
