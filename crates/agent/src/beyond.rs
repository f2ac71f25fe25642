//! What is counted beside TCP, by witnesses that an agent may do without.

use std::collections::HashSet;
use std::time::Instant;

use probe::{DropKey, ProbeError, UdpKey, UdpSeries, dns};

use crate::grouping;
use crate::label::Labels;
use crate::namer::Namer;
use crate::place::Places;
use crate::reading::Beyond;
use crate::totals::{MANY, Owned, Owner, Totals};
use crate::witnesses::Witnesses;

/// Sums of what is counted beside TCP.
#[derive(Debug)]
pub struct BeyondTotals {
    pub dns: Totals<dns::Key, Labels, dns::Series>,
    pub udp: Totals<UdpKey, Labels, UdpSeries>,
    /// By whether nobody misses them, too.
    pub drops: Totals<DropKey, (bool, Labels), u64>,
}

impl BeyondTotals {
    /// Sums of at most so many groups each.
    pub fn new(most: usize) -> Self {
        Self { dns: Totals::new(most), udp: Totals::new(most), drops: Totals::new(most) }
    }

    /// Adds what is new.
    pub fn count(&mut self, beyond: &Beyond, places: &Places, namer: &mut Namer, at: Instant) {
        if let Some(counted) = &beyond.dns {
            self.dns.count_all(&counted.series, |key| grouping::of_queries(key, namer), at);
        }
        if let Some(counted) = &beyond.udp {
            self.udp.count_all(&counted.series, |key| grouping::of_datagrams(key, places, namer), at);
        }
        if let Some(counted) = &beyond.drops {
            self.drops.count_all(&counted.series, |key| (key.benign, grouping::of_drops(key, namer)), at);
        }
    }

    /// Keys of these network namespaces stand for something else from now on.
    pub fn detach(&mut self, renamed: &HashSet<u32>) {
        let is_renamed = |owner: Option<Owner>| owner.is_some_and(|(netns, _)| renamed.contains(&netns));
        self.dns.detach(|key| is_renamed(key.owner()));
        self.udp.detach(|key| is_renamed(key.owner()));
        self.drops.detach(|key| is_renamed(key.owner()));
    }

    /// Forgets what is of these owners, here and in the kernel.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn forget(
        &mut self,
        witnesses: &Witnesses,
        gone: &HashSet<Owner>,
        places: &Places,
        namer: &mut Namer,
        now: Instant,
    ) -> Result<(), ProbeError> {
        let is_gone = |owner: Option<Owner>| owner.is_some_and(|owner| gone.contains(&owner));
        if let Some(dns) = &witnesses.dns {
            let last = dns.forget(|key| is_gone(key.owner()))?;
            self.dns.count_last(&last, |key| grouping::of_queries(key, namer), now);
        }
        if let Some(udp) = &witnesses.udp {
            let last = udp.forget(|key| is_gone(key.owner()))?;
            self.udp.count_last(&last, |key| grouping::of_datagrams(key, places, namer), now);
        }
        if let Some(drops) = &witnesses.drops {
            let last = drops.forget(|key| is_gone(key.owner()))?;
            self.drops.count_last(&last, |key| (key.benign, grouping::of_drops(key, namer)), now);
        }
        Ok(())
    }

    /// Forgets keys of datagrams without news since then where the kernel has little room left for more: some servers ask others
    /// from another port each time.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn make_room(
        &mut self,
        witnesses: &Witnesses,
        since: Instant,
        places: &Places,
        namer: &mut Namer,
        now: Instant,
    ) -> Result<(), ProbeError> {
        let mut quiet = self.udp.quiet(since, MANY);
        quiet.retain(|key| !key.is_other());
        if let Some(udp) = witnesses.udp.as_ref().filter(|_| !quiet.is_empty()) {
            let last = udp.forget(|key| quiet.contains(key))?;
            self.udp.count_last(&last, |key| grouping::of_datagrams(key, places, namer), now);
        }
        Ok(())
    }

    /// Drops sums to which nothing adds any more.
    pub fn expire(&mut self, since: Instant) {
        self.dns.expire(since);
        self.udp.expire(since);
        self.drops.expire(since);
    }

    /// Owners of whom nothing was heard since then, and those of whom something was.
    pub fn heard(&self, since: Instant, quiet: &mut HashSet<Owner>, lively: &mut HashSet<Owner>) {
        self.dns.heard(since, quiet, lively);
        self.udp.heard(since, quiet, lively);
        self.drops.heard(since, quiet, lively);
    }

    /// How often something was counted among the others.
    pub fn overflows(&self) -> u64 {
        self.dns.overflows() + self.udp.overflows() + self.drops.overflows()
    }
}

impl Owned for dns::Key {
    fn owner(&self) -> Option<Owner> {
        (!self.is_other()).then_some((self.netns, self.cgroup))
    }
}

impl Owned for UdpKey {
    fn owner(&self) -> Option<Owner> {
        (!self.is_other()).then_some((self.netns, self.cgroup))
    }
}

impl Owned for DropKey {
    /// A namespace in all its control groups; a packet may have none.
    fn owner(&self) -> Option<Owner> {
        (!self.is_other() && self.netns != 0).then_some((self.netns, 0))
    }
}
