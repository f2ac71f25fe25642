use std::fmt;

/// What is wrong with a file, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line of the offending text, from 1; 0 if the fault has no place.
    pub line: u64,
    /// Column of the offending text, in characters from 1; 0 if the fault has no place.
    pub column: u64,
    /// What is wrong: one sentence without capital or full stop.
    pub what: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

impl std::error::Error for Fault {}
