//! Labels of a series, and what series are summed by.

use std::sync::Arc;

/// The value of labels for which there is no room.
pub const OTHER: &str = "other";

/// Labels of a series, in order. Values are shared between series that have the same.
pub type Labels = Vec<(&'static str, Arc<str>)>;

/// What counters are summed by.
pub trait Grouping: Ord {
    /// The group of all such for which there is no room.
    fn other(&self) -> Self;
}

impl Grouping for Labels {
    fn other(&self) -> Self {
        // Who reports stays, so that sums by reporter stay what they are.
        let other =
            |name: &'static str, value: &Arc<str>| if name == "reporter" { Arc::clone(value) } else { OTHER.into() };
        self.iter().map(|(name, value)| (*name, other(name, value))).collect()
    }
}

impl<G: Grouping> Grouping for (bool, G) {
    fn other(&self) -> Self {
        (self.0, self.1.other())
    }
}
