//! Accounts: the sums of what one kernel witness counts, from reading to reading.

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

/// The key of a witness's counters, and how those counters are grouped and exported.
pub trait Accounted: CounterKey {
    /// The counters of one key. They only grow.
    type Series: Counters + Debug;
    /// Counters of what the witness missed.
    type Losses: Counters + Debug;
    /// The group that a key's counters are added to.
    type Group: Grouping + Debug;

    /// The witness's name in metrics.
    const WITNESS: &'static str;

    /// Returns the owner of the key, whose end also ends its counters; `None` if the key belongs to no single owner.
    fn owner(&self) -> Option<Owner>;

    /// Returns the group that the key's counters are added to.
    fn group(&self, places: &Places, namer: &mut Namer) -> Self::Group;

    /// Returns a test for keys that are kept when the kernel's map fills up, even if their counters have not changed
    /// lately. `open` lists the connections that are open now.
    fn staying(_open: &[Connection]) -> impl Fn(&Self) -> bool {
        |_| true
    }

    /// Returns the witness's metrics.
    fn families<'a>(
        sums: impl Iterator<Item = (&'a Self::Group, &'a Self::Series)>,
        losses: &Self::Losses,
    ) -> Vec<Family>
    where
        Self::Group: 'a;
}

/// An error while reading a witness.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ReadError(Box<dyn Error + Send + Sync>);

impl ReadError {
    /// Wraps the witness's own error.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

/// Keys with their counters.
pub type KeyedSeries<K> = Vec<(K, <K as Accounted>::Series)>;

/// A kernel witness as its account reads it. Reads fail if the kernel has too little memory.
pub trait Counting<K: Accounted>: Debug {
    /// Reads all counters.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel's maps cannot be read.
    fn series(&self) -> Result<KeyedSeries<K>, ReadError>;

    /// Reads the counters of what was missed.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel's maps cannot be read.
    fn losses(&self) -> Result<K::Losses, ReadError>;

    /// Removes keys that no counter will change any more, and returns their final counters.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel's maps cannot be read or changed.
    fn forget(&self, is_gone: &dyn Fn(&K) -> bool) -> Result<KeyedSeries<K>, ReadError>;

    /// Returns what the witness's programs cost.
    fn programs(&self) -> Vec<ProgramCost>;

    /// Returns how full the witness's maps are.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel's maps cannot be read.
    fn maps(&self) -> Result<Vec<MapFill>, ReadError>;

    /// Frees room in the kernel's maps while nobody reads the counters.
    fn tidy(&self);
}

/// Sums of what one witness counts. Each reading adds what is new.
#[derive(Debug)]
pub struct Account<K: Accounted> {
    witness: Box<dyn Counting<K>>,
    totals: Totals<K, K::Group, K::Series>,
    /// Counters at the last reading.
    series: KeyedSeries<K>,
    losses: K::Losses,
}

impl<K: Accounted> Account<K> {
    /// Creates an account with at most `most` groups. Everything else is added to the group `other`.
    pub fn new(witness: impl Counting<K> + 'static, most: usize) -> Self {
        let losses = K::Losses::default();
        Self { witness: Box::new(witness), totals: Totals::new(most), series: Vec::new(), losses }
    }

    /// Returns the keys and counters of the last reading.
    pub fn series(&self) -> &[(K, K::Series)] {
        &self.series
    }

    /// Returns what the witness had missed by the last reading.
    pub fn losses(&self) -> &K::Losses {
        &self.losses
    }

    fn owner(key: &K) -> Option<Owner> {
        if key.is_other() { None } else { key.owner() }
    }

    /// Removes keys from the kernel and from the account, after adding their final counters to the sums.
    fn forget_keys(&mut self, is_gone: impl Fn(&K) -> bool, scene: &mut Scene<'_>) -> Result<(), ReadError> {
        let last = self.witness.forget(&is_gone)?;
        self.totals.count_last(&last, |key| key.group(scene.places, scene.namer), scene.now);
        Ok(())
    }
}

/// What the agent knows at one instant.
pub struct Scene<'a> {
    /// The peer and the network namespace that each address belongs to.
    pub places: &'a Places,
    /// Names of namespaces and control groups.
    pub namer: &'a mut Namer,
    /// The instant, as the time since the caller's start.
    pub now: Duration,
}

/// What all accounts have in common, whatever they count.
pub trait AnyAccount: Debug {
    /// Reads the witness's counters.
    ///
    /// # Errors
    ///
    /// Returns an error if the witness cannot be read.
    fn read(&mut self) -> Result<(), ReadError>;

    /// Returns whether the witness can be read.
    fn can_read(&self) -> bool;

    /// Adds what is new since the previous reading to the sums.
    fn count(&mut self, scene: &mut Scene<'_>);

    /// Detaches the keys of these network namespaces from their sums, because the namespaces now have other names.
    fn detach(&mut self, renamed: &HashSet<u32>);

    /// Sorts owners by whether any counter of theirs has changed after `since`: into `lively` if so, into `quiet` if
    /// not.
    fn heard(&self, since: Duration, quiet: &mut HashSet<Owner>, lively: &mut HashSet<Owner>);

    /// Removes the keys of these owners from the kernel and from the account.
    ///
    /// # Errors
    ///
    /// Returns an error if the witness cannot be read.
    fn forget(&mut self, gone: &HashSet<Owner>, scene: &mut Scene<'_>) -> Result<(), ReadError>;

    /// Removes keys of living owners if the kernel's map is filling up and the keys have not changed after `since`. A
    /// server has other clients every day, so its keys add up. What is counted at the very moment of removal is lost.
    ///
    /// # Errors
    ///
    /// Returns an error if the witness cannot be read.
    fn make_room(&mut self, since: Duration, open: &[Connection], scene: &mut Scene<'_>) -> Result<(), ReadError>;

    /// Drops sums that no key adds to and that have not changed after `since`.
    fn expire(&mut self, since: Duration);

    /// Returns how often something was added to the group `other`.
    fn overflows(&self) -> u64;

    /// Returns the witness's metrics.
    fn families(&self) -> Vec<Family>;

    /// Returns the witness's name and what its programs cost.
    fn programs(&self) -> (&'static str, Vec<ProgramCost>);

    /// Returns the witness's name and how full its maps are.
    ///
    /// # Errors
    ///
    /// Returns an error if the witness cannot be read.
    fn maps(&self) -> Result<(&'static str, Vec<MapFill>), ReadError>;

    /// Frees room in the kernel's maps while nobody reads the counters.
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
