use jiff::Zoned;

use crate::filter::Filter;
use crate::table::{Column, Line};
use crate::totals::Owner;
use crate::who::Who;

/// What has happened to somebody, as a live tool tells it.
pub trait Happening {
    /// Columns of its text.
    const COLUMNS: &'static [Column];

    /// The network namespace and control group to which it happened.
    fn owner(&self) -> Owner;

    /// Whether it is of interest.
    fn is_admitted(&self, filter: &Filter) -> bool;

    /// Its line where the owner is `who`, told at the time `now`.
    fn line(&self, who: &Who, now: &Zoned) -> Line;
}
