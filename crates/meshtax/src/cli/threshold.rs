use std::str::FromStr;

use measure::{FailIf, ThresholdError, Until};

/// When a run has gone on long enough.
pub fn until(text: &str) -> Result<Until, String> {
    read(text)
}

/// A change that must not be.
pub fn fail_if(text: &str) -> Result<FailIf, String> {
    read(text)
}

/// A threshold, or why it is none and what to write.
fn read<T: FromStr<Err = ThresholdError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ThresholdError| format!("{error}; {}", error.hint()))
}
