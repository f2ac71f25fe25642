use jiff::Zoned;

use crate::filter::Filter;
use crate::table::{Column, Line};
use crate::totals::Owner;
use crate::who::Who;

/// An event that a live tool prints.
pub trait Happening {
    /// Columns of the text.
    const COLUMNS: &'static [Column];

    /// Returns the network namespace and control group that the event belongs to.
    fn owner(&self) -> Owner;

    /// Returns whether the filter selects this event.
    fn is_admitted(&self, filter: &Filter) -> bool;

    /// Returns the event's line. `who` is its owner, and `now` is the time that the line shows.
    fn line(&self, who: &Who, now: &Zoned) -> Line;
}
