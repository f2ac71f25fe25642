use std::fmt;

use serde_saphyr::Location;

/// A mistake in a file: what is wrong, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line of the offending text, from 1; 0 if the mistake has no place.
    pub line: u64,
    /// Column of the offending text, in characters from 1; 0 if the mistake has no place.
    pub column: u64,
    /// What is wrong, in one sentence without a capital or full stop.
    pub what: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Mistake {
    /// A mistake at the place of a value or key that was read with [`serde_saphyr::Spanned`].
    pub fn at(place: Location, what: impl Into<String>, hint: impl Into<String>) -> Mistake {
        Mistake { line: place.line(), column: place.column(), what: what.into(), hint: Some(hint.into()) }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.what),
            line => write!(f, "line {line}, column {}: {}", self.column, self.what),
        }
    }
}

impl std::error::Error for Mistake {}
