use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Histogram, HistogramError};

/// Seconds that are kept unpacked: threads end a second at nearly the same time.
const OPEN: usize = 3;

/// What one thread saw in one second of a load.
#[derive(Clone, Debug, Default)]
pub struct SecondTally {
    /// Number of the second, from 0. A request belongs to the second in which it ended.
    pub second: u64,
    /// Requests that ended, failures among them.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Latency of successes from the intended start, in nanoseconds.
    pub latency: Histogram,
}

/// What was seen in one second of a load, in the form in which it is kept and written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadSecond {
    /// Number of the second, from 0. A request belongs to the second in which it ended.
    pub second: u64,
    /// Requests that ended, failures among them.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Latency of successes from the intended start: an HdrHistogram (V2, deflated, base64) of nanoseconds.
    pub latency: String,
}

impl SecondTally {
    /// Adds what was seen elsewhere in the same second.
    pub fn merge(&mut self, other: &SecondTally) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.latency.merge(&other.latency);
    }

    /// The form in which the second is kept.
    pub fn pack(&self) -> LoadSecond {
        let Self { second, requests, errors, latency } = self;
        LoadSecond { second: *second, requests: *requests, errors: *errors, latency: latency.encode() }
    }
}

impl LoadSecond {
    /// The second as it was before it was packed.
    ///
    /// # Errors
    ///
    /// Returns an error if its histogram is damaged.
    pub fn unpack(&self) -> Result<SecondTally, HistogramError> {
        let Self { second, requests, errors, latency } = self;
        let latency = Histogram::decode(latency)?;
        Ok(SecondTally { second: *second, requests: *requests, errors: *errors, latency })
    }
}

/// The seconds of a load of any length. A finished one takes some hundred bytes.
#[derive(Clone, Debug, Default)]
pub struct Seconds {
    open: BTreeMap<u64, SecondTally>,
    packed: BTreeMap<u64, LoadSecond>,
}

impl Seconds {
    /// Adds what was seen in a second. Seconds may come in any order.
    pub fn add(&mut self, tally: SecondTally) {
        if let Some(known) = self.open.get_mut(&tally.second) {
            return known.merge(&tally);
        }
        let packed = self.packed.remove(&tally.second);
        let mut whole = packed
            .map_or_else(SecondTally::default, |packed| packed.unpack().expect("what was packed here can be unpacked"));
        whole.second = tally.second;
        whole.merge(&tally);
        self.open.insert(whole.second, whole);
        while self.open.len() > OPEN {
            if let Some((second, tally)) = self.open.pop_first() {
                self.packed.insert(second, tally.pack());
            }
        }
    }

    /// The latest second that has surely ended in every thread: the one before the last of which anything is known.
    pub fn ended(&self) -> Option<&SecondTally> {
        self.open.values().rev().nth(1)
    }

    /// All seconds in which a request ended, in order.
    pub fn into_packed(mut self) -> Vec<LoadSecond> {
        self.packed.extend(self.open.iter().map(|(second, tally)| (*second, tally.pack())));
        self.packed.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(second: u64, latencies_ns: &[u64]) -> SecondTally {
        let mut latency = Histogram::new();
        latencies_ns.iter().for_each(|latency_ns| latency.record(*latency_ns));
        SecondTally { second, requests: latencies_ns.len() as u64, errors: 0, latency }
    }

    #[test]
    fn seconds_of_several_threads_are_merged_whenever_they_come() {
        let mut seconds = Seconds::default();
        for second in [0, 1, 2, 3, 4, 5, 6] {
            seconds.add(tally(second, &[1_000_000]));
        }
        assert_eq!(seconds.ended().unwrap().second, 5);
        // One thread was late by five seconds.
        for second in [1, 5, 6] {
            seconds.add(tally(second, &[3_000_000, 3_000_000]));
        }
        let packed = seconds.into_packed();
        assert_eq!(
            packed.iter().map(|second| (second.second, second.requests)).collect::<Vec<_>>(),
            [(0, 1), (1, 3), (2, 1), (3, 1), (4, 1), (5, 3), (6, 3)]
        );
        assert_eq!(packed[1].unpack().unwrap().latency.count(), 3);
        assert!(packed[1].latency.len() < 300, "{} bytes", packed[1].latency.len());
    }
}
