use std::fmt::Write;

use serde_json::{Map, Value};

use crate::visible::visible_part;

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineForm {
    /// Columns under a heading, as bcc's tools print them, and what is known beyond.
    Text,
    /// One JSON object a line.
    Json,
    /// Comma-separated values under a heading.
    Csv,
}

/// One thing that is told: the same facts for every form, and the words for people.
#[derive(Clone, Debug)]
pub struct Line {
    /// Facts by name, in order.
    pub facts: Map<String, Value>,
    /// Cells of the text.
    pub cells: Vec<String>,
}

/// A column of text.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Heading.
    pub name: &'static str,
    /// Least width.
    pub width: usize,
    /// Whether cells stand at the right.
    pub right: bool,
}

impl Column {
    /// A column of words.
    pub const fn words(name: &'static str, width: usize) -> Self {
        Self { name, width, right: false }
    }

    /// A column of numbers.
    pub const fn number(name: &'static str, width: usize) -> Self {
        Self { name, width, right: true }
    }
}

/// A number that is known unless it is 0, such as a process's.
pub fn nonzero<N: Default + PartialEq>(number: N) -> Option<N> {
    (number != N::default()).then_some(number)
}

/// Words that are known unless there are none, such as a process's name.
pub fn nonempty(words: &str) -> Option<&str> {
    (!words.is_empty()).then_some(words)
}

/// The cell of a fact: `-` where it is not known, so that words keep their columns.
pub fn cell(fact: Option<impl ToString>) -> String {
    fact.map_or_else(|| "-".to_owned(), |fact| fact.to_string())
}

/// Turns lines into text; a heading comes before the first one.
#[derive(Debug)]
pub struct Printer {
    form: LineForm,
    columns: Vec<Column>,
    headed: bool,
}

impl Printer {
    /// A printer of lines with these columns.
    pub fn new(form: LineForm, columns: &[Column]) -> Self {
        Self { form, columns: columns.to_vec(), headed: false }
    }

    /// The heading, where the form has one and it was not told yet.
    pub fn heading(&mut self) -> String {
        if self.headed || self.form != LineForm::Text {
            return String::new();
        }
        self.headed = true;
        let names: Vec<String> = self.columns.iter().map(|column| column.name.to_owned()).collect();
        self.row(&names)
    }

    /// Lets text have its heading once more; what programs read has one only.
    pub fn head_again(&mut self) {
        self.headed &= self.form != LineForm::Text;
    }

    /// The line, with the heading if that is still to be told.
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

/// A value as CSV has it: text without quotes, nothing for null.
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
