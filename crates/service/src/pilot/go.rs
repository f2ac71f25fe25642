//! What Istio's agent burns because it is written in Go, beyond what stands in its place here.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::burn::burn;

/// CPU time that a request takes more where the agent has just been asked: its server's goroutines, buffers and garbage.
/// Measured on a live pilot-agent on 27 August 2026, less what ours took, as what follows.
const REQUEST: Duration = Duration::from_micros(115);

/// The same of asking the application in the kubelet's place: a client, a connection and their goroutines.
const DIAL: Duration = Duration::from_micros(165);

/// The same where the agent was at rest: its threads wake, and the runtime's monitor polls until all sleep again.
const WAKE: Duration = Duration::from_micros(500);

/// How long the agent is not at rest after a request.
const REST: Duration = Duration::from_secs(1);

/// When the agent was asked last.
#[derive(Debug, Default)]
pub(super) struct GoRuntime {
    asked: Option<Instant>,
}

impl GoRuntime {
    /// Burns what a request takes, and what asking the application takes if that is what it is for.
    pub fn spend(runtime: &Mutex<Self>, dials: u32) {
        let now = Instant::now();
        let before = runtime.lock().expect("no thread panics while it holds this").asked.replace(now);
        burn(cost(before.map(|before| now - before), dials));
    }
}

/// CPU time that the agent burns for a probe that comes once in `period`, to take what Istio's takes; more where the probe
/// is one of the application that the agent `is_rewritten` to make.
pub fn spent_for_probe(period: Duration, is_rewritten: bool) -> Duration {
    cost(Some(period), u32::from(is_rewritten))
}

/// What a request takes so long after the one before.
fn cost(since: Option<Duration>, dials: u32) -> Duration {
    let wake = if since.is_none_or(|since| since >= REST) { WAKE } else { Duration::ZERO };
    REQUEST + DIAL * dials + wake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_at_rest_takes_more() {
        let of_probe = |since| cost(since, 1);
        assert_eq!(of_probe(Some(Duration::ZERO)), REQUEST + DIAL);
        assert_eq!(of_probe(Some(REST)), REQUEST + DIAL + WAKE);
        assert_eq!(of_probe(None), REQUEST + DIAL + WAKE);
        assert_eq!(cost(Some(Duration::ZERO), 0), REQUEST);
    }
}
