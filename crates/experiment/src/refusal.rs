use std::path::Path;

use topology::Mistake;

/// Why a request of the user cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Refusal {
    /// What is wrong, with its place if it is in a file.
    pub what: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Refusal {
    /// A refusal without a place in a file.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Refusal {
        Refusal { what: what.into(), hint: Some(hint.into()) }
    }

    /// A mistake in a file, as `FILE:LINE:COLUMN: what`.
    pub fn in_file(file: &Path, fault: Mistake) -> Refusal {
        let place = match fault.line {
            0 => file.display().to_string(),
            line => format!("{}:{line}:{}", file.display(), fault.column),
        };
        Refusal { what: format!("{place}: {}", fault.what), hint: fault.hint }
    }
}

/// A path, quoted for a shell.
pub(crate) fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    shlex::try_quote(&path).map_or_else(|_| path.to_string(), |quoted| quoted.into_owned())
}
