use std::time::Duration;

/// How often pods are asked for their health; what has no period is not asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Periods {
    /// Sidecars, whether they are ready.
    pub sidecar: Option<Duration>,
    /// Applications whose service has a `ready` path.
    pub application: Option<Duration>,
}
