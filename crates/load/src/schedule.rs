//! When requests are due. Pure: times are nanoseconds on one clock, and nobody here looks at it.

mod closed;
mod open;

use std::time::Duration;

pub(crate) use closed::Closed;
pub(crate) use open::Open;

use traffic::Load;

use crate::exchange::{DueRequest, Finished};

/// Decides when requests are due, and which.
pub(crate) trait Schedule {
    /// Takes the next request that is due at `now_ns` or earlier.
    fn take(&mut self, now_ns: u64) -> Option<DueRequest>;

    /// When the next request is due; none if that takes the end of a request first, or if there is no more.
    fn next_ns(&self) -> Option<u64>;

    /// A request of this user is over.
    fn ended(&mut self, user: u32, finished: &Finished);
}

/// Which part of a load one of several threads performs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadShare {
    /// This thread, from 0.
    pub(crate) index: u32,
    /// All threads.
    pub(crate) of: u32,
}

impl ThreadShare {
    /// The whole load.
    pub(crate) const WHOLE: ThreadShare = ThreadShare { index: 0, of: 1 };

    /// The load as this thread performs it: its part of the connections. Users, requests and arrivals are shared by the
    /// schedule.
    pub(crate) fn of_load(self, load: &Load) -> Load {
        let part = |whole: u64| self.part(whole).max(1);
        Load {
            connections: part(u64::from(load.connections)) as u32,
            in_flight_max: part(load.in_flight_max),
            ..load.clone()
        }
    }

    /// This thread's part of a number; the parts add up to it.
    pub(crate) fn part(self, whole: u64) -> u64 {
        let of = u64::from(self.of);
        whole / of + u64::from(u64::from(self.index) < whole % of)
    }
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
