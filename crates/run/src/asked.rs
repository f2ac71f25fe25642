use std::collections::BTreeMap;

use super::counted::Counted;

/// Requests that an arm's services received since they stand, as they say themselves.
#[derive(Clone, Debug, Default)]
pub struct RequestsReceived(BTreeMap<String, u64>);

impl RequestsReceived {
    /// Adds the services of an arm.
    pub fn add(&mut self, arm: &str, counted: &[Counted]) {
        *self.0.entry(arm.to_owned()).or_default() += counted.iter().map(|counted| counted.requests).sum::<u64>();
    }

    /// Returns the probes of an arm; `None` if nobody asks, or nothing counts them.
    pub fn of(&self, arm: &str) -> Option<u64> {
        self.0.get(arm).copied().filter(|asked| *asked > 0)
    }
}
