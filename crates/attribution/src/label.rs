//! Labels of metrics, and the groups that counters are added to.

use std::sync::Arc;

/// The label value of the overflow series.
pub const OTHER: &str = "other";

/// Labels of a series, in order. Series with equal values share them.
pub type Labels = Vec<(&'static str, Arc<str>)>;

/// A group that counters are added to.
pub trait Grouping: Ord {
    /// Returns the overflow group that is used instead of this one when there is no room.
    fn other(&self) -> Self;
}

impl Grouping for Labels {
    fn other(&self) -> Self {
        // The reporter stays, so that sums by reporter stay correct.
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
