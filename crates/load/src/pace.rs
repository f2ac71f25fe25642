//! Waiting for an instant: asleep until shortly before it, then awake.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};

/// A sleeper wakes tens of microseconds late; this much before the instant it is woken, to be awake in time.
pub(crate) const SPIN_NS: u64 = 60_000;

/// Longest sleep before `stop` is looked at.
pub(crate) const NAP_NS: u64 = 50_000_000;

const NS_PER_S: u64 = 1_000_000_000;

/// Now, in nanoseconds of CLOCK_MONOTONIC.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock");
    now.tv_sec() as u64 * NS_PER_S + now.tv_nsec() as u64
}

/// Lets the calling thread's sleeps end when they should: the kernel otherwise adds up to 50 µs to save wake-ups.
pub(crate) fn sleep_exactly() {
    prctl::set_timerslack(1).expect("a thread may set its own timer slack");
}

/// Returns at the instant, or soon after `stop` was set; true if the instant came.
pub(crate) fn wait_until(instant_ns: u64, stop: &AtomicBool) -> bool {
    let wake_ns = instant_ns.saturating_sub(SPIN_NS);
    loop {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        let now_ns = now_ns();
        if now_ns >= wake_ns {
            break;
        }
        sleep_until(wake_ns.min(now_ns + NAP_NS));
    }
    while now_ns() < instant_ns {
        std::hint::spin_loop();
    }
    true
}

/// Sleeps until the instant or a signal: callers look at the clock again.
fn sleep_until(instant_ns: u64) {
    let instant = TimeSpec::new((instant_ns / NS_PER_S) as i64, (instant_ns % NS_PER_S) as i64);
    match clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &instant) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => unreachable!("the clock exists and the time is normalised: {errno}"),
    }
}
