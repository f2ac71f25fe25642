use std::io;
use std::path::PathBuf;

/// Why a lab cannot stand or does not do what it is told.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The kernel or the file system refused a step.
    #[error("cannot {step}")]
    Step {
        /// What was tried, such as "create the network namespace `meshtax-…`".
        step: String,
        /// The refusal.
        source: io::Error,
    },
    /// A program ended, or did not become ready; what it last said may tell why.
    #[error("`{name}` {what}{}", tail_of(.log, .tail))]
    Program {
        /// Pod and container, such as `sidecar/reviews-v2/proxy`.
        name: String,
        /// What happened to it.
        what: String,
        /// Log of the program.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// A tool refused its input.
    #[error("`{tool}` refused: {message}")]
    Tool {
        /// The tool's name.
        tool: &'static str,
        /// What it said.
        message: String,
    },
    /// A template of the user's proxy cannot be filled in for a pod.
    #[error("the proxy of `{pod}` cannot be configured: {fault}")]
    Template {
        /// Name of the pod.
        pod: String,
        /// What is wrong, and where in the template.
        fault: topology::Mistake,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate for `{account}`")]
    Certificate {
        /// The service account.
        account: String,
        /// The cause.
        source: rcgen::Error,
    },
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Turns an I/O error into a [`LabError::Step`].
pub(crate) fn step(step: impl Into<String>) -> impl FnOnce(io::Error) -> LabError {
    let step = step.into();
    move |source| LabError::Step { step, source }
}

fn tail_of(log: &std::path::Path, tail: &str) -> String {
    match tail.trim_end() {
        "" => format!("; its log {} is empty", log.display()),
        tail => format!("; the end of its log {}:\n{tail}", log.display()),
    }
}
