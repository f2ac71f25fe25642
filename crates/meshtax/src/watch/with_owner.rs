//! Prints events with the names of the pods that they happen to.

use std::marker::PhantomData;

use agent::ThisHost;
use attribution::{Filter, Happening, Line, Namer};
use jiff::Zoned;

use super::teller::{Teller, Tells};
use crate::cli::WatchOptions;

/// Prints one kind of event with its owners.
pub struct WithOwner<H> {
    filter: Filter,
    namer: Namer,
    now: Zoned,
    kind: PhantomData<H>,
}

impl<H: Happening> WithOwner<H> {
    /// Makes a teller that prints at most `most` events.
    pub fn teller(options: &WatchOptions, most: Option<u64>) -> Teller<Self> {
        let namer = Namer::new(ThisHost::default());
        let tells = Self { filter: options.filter(), namer, now: Zoned::now(), kind: PhantomData };
        Teller::new(tells, options, H::COLUMNS, most)
    }
}

impl<H: Happening> Tells for WithOwner<H> {
    type Event = H;

    fn admits(&self, happening: &H) -> bool {
        happening.is_admitted(&self.filter)
    }

    fn line(&mut self, happening: &H) -> Line {
        let (netns, cgroup) = happening.owner();
        happening.line(&self.namer.who(netns, cgroup), &self.now)
    }

    fn refresh(&mut self) {
        self.now = Zoned::now();
        self.namer.refresh();
    }
}
