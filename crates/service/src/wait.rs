use std::time::Duration;

use nix::sys::prctl::set_timerslack;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};

/// The end of a wait that is spun, not slept: longer than a sleeping thread needs to get back on its core.
const TAIL: Duration = Duration::from_micros(60);

/// Lets at least `asked` of wall time pass and returns how much passed. The runtime's own timers are of no use here:
/// they are a millisecond late. The caller sees to it that this thread can be spared.
pub(crate) fn wait(asked: Duration) -> Duration {
    let start = monotonic();
    sleep_until(start + asked);
    monotonic() - start
}

fn sleep_until(deadline: Duration) {
    // Threads start with a slack of 50 µs. Should it be refused, the wait is longer, and recorded as such.
    set_timerslack(1).ok();
    let spin_from = deadline.saturating_sub(TAIL);
    while monotonic() < spin_from {
        // A signal ends the sleep early; then it is begun again.
        clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &spin_from.into()).ok();
    }
    while monotonic() < deadline {
        std::hint::spin_loop();
    }
}

fn monotonic() -> Duration {
    let clock = ClockId::CLOCK_MONOTONIC;
    clock.now().expect("every Linux has a monotonic clock").into()
}

#[cfg(test)]
mod tests;
