use std::time::Duration;

use attribution::Clock;
use jiff::Zoned;
use nix::time::{ClockId, clock_gettime};

/// The time since the machine started, by CLOCK_MONOTONIC, as the kernel's events have it.
pub fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock").into()
}

/// The time now, as people read it and as the kernel has it.
pub fn clock() -> Clock {
    let monotonic = now();
    Clock { wall: Zoned::now(), monotonic }
}
