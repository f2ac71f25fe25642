/// The user asked to stop.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("interrupted")]
pub struct Interrupted;

/// Whether a run ended because the user asked to stop.
pub fn is_interruption(error: &anyhow::Error) -> bool {
    error.is::<Interrupted>()
}
