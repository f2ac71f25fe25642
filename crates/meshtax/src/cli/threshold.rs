use std::str::FromStr;

use experiment::{foreign_share, margin_share};
use measure::{FailIf, ThresholdError, Until};

use topology::Share;

/// When a run has gone on long enough.
pub fn until(text: &str) -> Result<Until, String> {
    read(text)
}

/// A change that must not be.
pub fn fail_if(text: &str) -> Result<FailIf, String> {
    read(text)
}

/// What others may use of the machine's processors.
pub fn foreign(text: &str) -> Result<f64, String> {
    share(text).and_then(foreign_share)
}

/// Within what change arms are equivalent.
pub fn margin(text: &str) -> Result<f64, String> {
    share(text).and_then(margin_share)
}

fn share(text: &str) -> Result<Share, String> {
    text.parse().map_err(|error: topology::UnitError| format!("{}: {}", error.what, error.hint))
}

/// A threshold, or why it is none and what to write.
fn read<T: FromStr<Err = ThresholdError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ThresholdError| format!("{error}; {}", error.hint()))
}
