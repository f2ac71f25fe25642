use std::time::Duration;

use attribution::Clock;
use jiff::Zoned;
use nix::time::{ClockId, clock_gettime};

/// Returns the time of CLOCK_MONOTONIC, the clock of the kernel's events: the time since the machine started.
pub fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock").into()
}

/// Returns the time now, in wall-clock time and in the clock of the kernel's events.
pub fn clock() -> Clock {
    let monotonic = now();
    Clock { wall: Zoned::now(), monotonic }
}
