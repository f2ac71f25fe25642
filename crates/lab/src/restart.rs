//! When a container that has ended starts again.

use std::time::{Duration, Instant};

/// Pause before the second start; each pause after it is twice as long.
const FIRST: Duration = Duration::from_secs(10);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(300);
/// What has run for so long is well: its next end counts as the first.
const WELL: Duration = Duration::from_secs(600);

/// A container's restarts, in the kubelet's order: the first at once, further ones after 10 s, 20 s and so on up to 5 min
/// (`MaxContainerBackOff` of pkg/kubelet/kubelet.go).
#[derive(Debug)]
pub(crate) struct Restarts {
    started: Instant,
    pause: Duration,
    due: Option<Instant>,
}

impl Restarts {
    /// Begins with a container that has just started.
    pub fn begin(now: Instant) -> Restarts {
        Restarts { started: now, pause: Duration::ZERO, due: None }
    }

    /// Notes an end; true for the first look at it.
    pub fn has_ended(&mut self, now: Instant) -> bool {
        if self.due.is_some() {
            return false;
        }
        if now.duration_since(self.started) >= WELL {
            self.pause = Duration::ZERO;
        }
        self.due = Some(now + self.pause);
        self.pause = (self.pause * 2).clamp(FIRST, LONGEST);
        true
    }

    /// Whether it is time to start again; if so, that counts as done.
    pub fn is_due(&mut self, now: Instant) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        (self.started, self.due) = (now, None);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_as_the_kubelets() {
        let begin = Instant::now();
        let mut now = begin;
        let mut restarts = Restarts::begin(now);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            now += Duration::from_secs(1);
            assert!(restarts.has_ended(now));
            assert!(!restarts.has_ended(now), "an end is told once");
            let ended = now;
            while !restarts.is_due(now) {
                now += Duration::from_secs(1);
            }
            pauses.push((now - ended).as_secs());
        }
        assert_eq!(pauses, [0, 10, 20, 40, 80, 160, 300, 300]);
        now += WELL;
        assert!(restarts.has_ended(now) && restarts.is_due(now), "what ran for long starts again at once");
    }
}
