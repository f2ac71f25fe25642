//! Sums of what one witness in the kernel counts, and the witness as they see it.

use std::collections::HashSet;
use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

use records::{Connection, CounterKey, Counters, MapFill, ProgramCost};

use crate::label::Grouping;
use crate::metric::Family;
use crate::namer::Namer;
use crate::place::Places;
use crate::totals::{MANY, Owner, Totals};

/// What a witness counts by, with how its counters are summed and told.
pub trait Accounted: CounterKey {
    /// Its counters, which only grow.
    type Series: Counters + Debug;
    /// What it missed.
    type Losses: Counters + Debug;
    /// What counters are summed by.
    type Group: Grouping + Debug;

    /// The witness's name in metrics.
    const WITNESS: &'static str;

    /// Whose counters are kept by a key that has an owner; none if nobody's alone.
    fn owner(&self) -> Option<Owner>;

    /// What counters of a key are summed by.
    fn group(&self, places: &Places, namer: &mut Namer) -> Self::Group;

    /// Which keys stay though they had no news for a while and the kernel has little room left, where these are `open`.
    fn staying(_open: &[Connection]) -> impl Fn(&Self) -> bool {
        |_| true
    }

    /// The witness's metrics.
    fn families<'a>(
        sums: impl Iterator<Item = (&'a Self::Group, &'a Self::Series)>,
        losses: &Self::Losses,
    ) -> Vec<Family>
    where
        Self::Group: 'a;
}

/// Why a witness cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ReadError(Box<dyn Error + Send + Sync>);

impl ReadError {
    /// What the witness says.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

/// Keys and their counters.
pub type KeyedSeries<K> = Vec<(K, <K as Accounted>::Series)>;

/// A witness as its account sees it. Whatever it reads fails where the kernel lacks memory.
pub trait Counting<K: Accounted>: Debug {
    /// What it has counted.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn series(&self) -> Result<KeyedSeries<K>, ReadError>;

    /// What it missed.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn losses(&self) -> Result<K::Losses, ReadError>;

    /// Forgets keys to which nothing adds any more; what they had come to.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn forget(&self, is_gone: &dyn Fn(&K) -> bool) -> Result<KeyedSeries<K>, ReadError>;

    /// What its programs cost.
    fn programs(&self) -> Vec<ProgramCost>;

    /// How full its maps are.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn maps(&self) -> Result<Vec<MapFill>, ReadError>;

    /// Makes room for what comes when nobody reads.
    fn tidy(&self);
}

/// Sums of what one witness counts, from reading to reading.
#[derive(Debug)]
pub struct Account<K: Accounted> {
    witness: Box<dyn Counting<K>>,
    totals: Totals<K, K::Group, K::Series>,
    /// What the last reading found.
    series: KeyedSeries<K>,
    losses: K::Losses,
}

impl<K: Accounted> Account<K> {
    /// An account of at most so many groups.
    pub fn new(witness: impl Counting<K> + 'static, most: usize) -> Self {
        let losses = K::Losses::default();
        Self { witness: Box::new(witness), totals: Totals::new(most), series: Vec::new(), losses }
    }

    /// Keys and counters at the last reading.
    pub fn series(&self) -> &[(K, K::Series)] {
        &self.series
    }

    /// What was missed until the last reading.
    pub fn losses(&self) -> &K::Losses {
        &self.losses
    }

    fn owner(key: &K) -> Option<Owner> {
        if key.is_other() { None } else { key.owner() }
    }

    /// Forgets keys in the kernel and here, once their last counts are in the sums.
    fn forget_keys(&mut self, is_gone: impl Fn(&K) -> bool, scene: &mut Scene<'_>) -> Result<(), ReadError> {
        let last = self.witness.forget(&is_gone)?;
        self.totals.count_last(&last, |key| key.group(scene.places, scene.namer), scene.now);
        Ok(())
    }
}

/// What is known at an instant.
pub struct Scene<'a> {
    /// Who is where.
    pub places: &'a Places,
    /// What things are called.
    pub namer: &'a mut Namer,
    /// The instant.
    pub now: Duration,
}

/// What all accounts have in common, whatever they count.
pub trait AnyAccount: Debug {
    /// Reads what the witness has counted.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn read(&mut self) -> Result<(), ReadError>;

    /// Whether the witness can be read.
    fn can_read(&self) -> bool;

    /// Adds what is new in the last reading.
    fn count(&mut self, scene: &mut Scene<'_>);

    /// Keys of these network namespaces stand for something else from now on.
    fn detach(&mut self, renamed: &HashSet<u32>);

    /// Adds owners of whom nothing was heard since then to `quiet`, and those of whom something was to `lively`.
    fn heard(&self, since: Duration, quiet: &mut HashSet<Owner>, lively: &mut HashSet<Owner>);

    /// Forgets what is of these owners, here and in the kernel.
    ///
    /// # Errors
    ///
    /// The witness cannot be read.
    fn forget(&mut self, gone: &HashSet<Owner>, scene: &mut Scene<'_>) -> Result<(), ReadError>;

    /// Forgets keys of those who live, too, where the kernel has little room left and there were no news `since` then: a server
    /// has other clients every day. What comes for one of them in the very moment in which it is forgotten would be lost.
    ///
    /// # Errors
    ///
    /// The witness cannot be read.
    fn make_room(&mut self, since: Duration, open: &[Connection], scene: &mut Scene<'_>) -> Result<(), ReadError>;

    /// Drops sums to which nothing adds any more.
    fn expire(&mut self, since: Duration);

    /// How often something was counted among the others.
    fn overflows(&self) -> u64;

    /// The witness's metrics.
    fn families(&self) -> Vec<Family>;

    /// The witness's name, and what its programs cost.
    fn programs(&self) -> (&'static str, Vec<ProgramCost>);

    /// The witness's name, and how full its maps are.
    ///
    /// # Errors
    ///
    /// The witness cannot be read.
    fn maps(&self) -> Result<(&'static str, Vec<MapFill>), ReadError>;

    /// Has the witness make room for what comes when nobody reads.
    fn tidy(&self);
}

impl<K: Accounted> AnyAccount for Account<K> {
    fn read(&mut self) -> Result<(), ReadError> {
        self.series = self.witness.series()?;
        self.losses = self.witness.losses()?;
        Ok(())
    }

    fn can_read(&self) -> bool {
        self.witness.series().is_ok() && self.witness.losses().is_ok() && self.witness.maps().is_ok()
    }

    fn count(&mut self, scene: &mut Scene<'_>) {
        self.totals.count_all(&self.series, |key| key.group(scene.places, scene.namer), scene.now);
    }

    fn detach(&mut self, renamed: &HashSet<u32>) {
        self.totals.detach(|key| Self::owner(key).is_some_and(|(netns, _)| renamed.contains(&netns)));
    }

    fn heard(&self, since: Duration, quiet: &mut HashSet<Owner>, lively: &mut HashSet<Owner>) {
        self.totals.heard(since, Self::owner, quiet, lively);
    }

    fn forget(&mut self, gone: &HashSet<Owner>, scene: &mut Scene<'_>) -> Result<(), ReadError> {
        self.forget_keys(|key| Self::owner(key).is_some_and(|owner| gone.contains(&owner)), scene)
    }

    fn make_room(&mut self, since: Duration, open: &[Connection], scene: &mut Scene<'_>) -> Result<(), ReadError> {
        let mut quiet = self.totals.quiet(since, MANY);
        if quiet.is_empty() {
            return Ok(());
        }
        let stays = K::staying(open);
        quiet.retain(|key| !key.is_other() && !stays(key));
        if quiet.is_empty() { Ok(()) } else { self.forget_keys(|key| quiet.contains(key), scene) }
    }

    fn expire(&mut self, since: Duration) {
        self.totals.expire(since);
    }

    fn overflows(&self) -> u64 {
        self.totals.overflows()
    }

    fn families(&self) -> Vec<Family> {
        K::families(self.totals.sums(), &self.losses)
    }

    fn programs(&self) -> (&'static str, Vec<ProgramCost>) {
        (K::WITNESS, self.witness.programs())
    }

    fn maps(&self) -> Result<(&'static str, Vec<MapFill>), ReadError> {
        Ok((K::WITNESS, self.witness.maps()?))
    }

    fn tidy(&self) {
        self.witness.tidy();
    }
}

#[cfg(test)]
pub mod tests;
