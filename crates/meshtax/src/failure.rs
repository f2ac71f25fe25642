use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use experiment::Refusal;
use run::FailedWarmUp;
use run::FolderError;
use run::Interrupted;

use crate::cause;
use crate::output::{Unread, say};

/// Why a command failed: the error, and what to do next.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    hint: Option<String>,
}

/// Adds a hint to an error.
pub trait Hint<T> {
    /// Says what to do next.
    fn hint(self, hint: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Hint<T> for Result<T, E> {
    fn hint(self, hint: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure { error: error.into(), hint: Some(hint.into()) })
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Failure {
        let error = error.into();
        let hint = error.downcast_ref::<Refusal>().and_then(|refusal| refusal.hint.clone());
        Failure { error, hint }
    }
}

impl Failure {
    /// A failure without a deeper cause.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure { error: anyhow::Error::msg(what.into()), hint: Some(hint.into()) }
    }

    /// A failure with its cause, and what to do next.
    pub fn because(error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Failure {
        Failure { error: error.into(), hint: Some(hint.into()) }
    }

    /// A mistake in a file, as `FILE:LINE:COLUMN: what`.
    pub fn in_file(file: &Path, fault: topology::Mistake) -> Failure {
        Refusal::in_file(file, fault).into()
    }

    /// A folder that a run cannot use.
    pub fn of_folder(error: FolderError) -> Failure {
        let hint = match error {
            FolderError::NoText(_) => "name another one with `--out`: the lab's programs get it as an argument",
            FolderError::Filled(_) => "name another one with `--out`; a run never writes over another",
            FolderError::Unwritable { .. } => "name a folder that this user may write with `--out`",
        };
        Failure::because(error, hint)
    }

    /// The error and its causes on one line, without the hint.
    pub fn what(&self) -> String {
        format!("{:#}", self.error)
    }

    /// Whether the reader of standard output has gone, which is not a failure.
    pub fn is_unread(&self) -> bool {
        self.error.is::<Unread>()
    }

    /// Whether the kernel refused the witness's BPF programs.
    pub fn is_of_the_kernel(&self) -> bool {
        matches!(self.error.downcast_ref(), Some(probe::ProbeError::Refused { .. }))
    }

    /// Whether the user asked to stop.
    pub fn is_interruption(&self) -> bool {
        self.error.is::<Interrupted>() || matches!(self.error.downcast_ref(), Some(lab::LabError::Interrupted))
    }

    /// Prints the failure, and returns the exit status for it.
    pub fn report(&self) -> ExitCode {
        say(self.to_string().trim_end());
        match &self.error {
            _ if self.is_interruption() => ExitCode::from(130),
            error if error.is::<FailedWarmUp>() => ExitCode::from(1),
            _ => ExitCode::from(2),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {:#}", self.error)?;
        // A user who interrupts needs no hint.
        let hint = cause::shortage(&self.what()).or_else(|| self.hint.clone()).filter(|_| !self.is_interruption());
        hint.iter().try_for_each(|hint| writeln!(f, "\nhint: {hint}"))
    }
}
