use std::str::FromStr;

use experiment::{foreign_share, margin_share};
use measure::{FailIf, ThresholdError, Until};

use topology::Share;

/// Reads the condition that ends a run, such as `latency_ms_p50<2%`.
pub fn until(text: &str) -> Result<Until, String> {
    read(text)
}

/// Reads a limit on a change, such as `latency_ms_p50>+5%`.
pub fn fail_if(text: &str) -> Result<FailIf, String> {
    read(text)
}

/// Reads the share of the machine's processors that other programs may use.
pub fn foreign(text: &str) -> Result<f64, String> {
    share(text).and_then(foreign_share)
}

/// Reads the margin within which arms count as equivalent.
pub fn margin(text: &str) -> Result<f64, String> {
    share(text).and_then(margin_share)
}

fn share(text: &str) -> Result<Share, String> {
    text.parse().map_err(|error: topology::UnitError| format!("{}: {}", error.what, error.hint))
}

/// Reads a threshold. The error says what is wrong and what to write instead.
fn read<T: FromStr<Err = ThresholdError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: ThresholdError| format!("{error}; {}", error.hint()))
}
