//! What is counted beside TCP, by witnesses that an agent may do without.

use std::collections::HashSet;
use std::time::Instant;

use probe::{DropKey, DropLosses, ProbeError, UdpKey, UdpLosses, UdpSeries, dns};

use crate::export;
use crate::ledger::MANY;
use crate::metric::Labels;
use crate::place::Places;
use crate::totals::{Count, Owned, Owner, Totals};
use crate::who::Namer;
use crate::witnesses::Witnesses;

/// What a witness has counted, and what it missed.
#[derive(Debug)]
pub struct Counted<K, V, L> {
    /// Counters.
    pub series: Vec<(K, V)>,
    /// What was missed.
    pub losses: L,
}

/// What one scrape reads of each; none where nobody looks.
#[derive(Debug, Default)]
pub struct Beyond {
    /// DNS.
    pub dns: Option<Counted<dns::Key, dns::Series, dns::Losses>>,
    /// Datagrams of UDP.
    pub udp: Option<Counted<UdpKey, UdpSeries, UdpLosses>>,
    /// Packets that the kernel dropped.
    pub drops: Option<Counted<DropKey, u64, DropLosses>>,
}

/// Sums of it.
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
            self.dns.count_all(&counted.series, |key| export::dns_labels(key, namer), at);
        }
        if let Some(counted) = &beyond.udp {
            self.udp.count_all(&counted.series, |key| export::udp_labels(key, places, namer), at);
        }
        if let Some(counted) = &beyond.drops {
            self.drops.count_all(&counted.series, |key| (key.benign, export::drop_labels(key, namer)), at);
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
            self.dns.count_last(&last, |key| export::dns_labels(key, namer), now);
        }
        if let Some(udp) = &witnesses.udp {
            let last = udp.forget(|key| is_gone(key.owner()))?;
            self.udp.count_last(&last, |key| export::udp_labels(key, places, namer), now);
        }
        if let Some(drops) = &witnesses.drops {
            let last = drops.forget(|key| is_gone(key.owner()))?;
            self.drops.count_last(&last, |key| (key.benign, export::drop_labels(key, namer)), now);
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
            self.udp.count_last(&last, |key| export::udp_labels(key, places, namer), now);
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

impl Count for UdpSeries {
    fn since(&self, before: &Self) -> Self {
        UdpSeries::since(self, before)
    }

    fn add(&mut self, news: &Self) {
        *self += *news;
    }
}

impl Count for dns::Series {
    fn since(&self, before: &Self) -> Self {
        let mut latencies = self.latencies;
        latencies.iter_mut().zip(before.latencies).for_each(|(now, before)| *now = now.saturating_sub(before));
        Self {
            queries: self.queries.since(&before.queries),
            truncated: self.truncated.since(&before.truncated),
            latency: self.latency.saturating_sub(before.latency),
            latencies,
        }
    }

    fn add(&mut self, news: &Self) {
        self.queries += news.queries;
        self.truncated += news.truncated;
        self.latency += news.latency;
        self.latencies.iter_mut().zip(news.latencies).for_each(|(sum, news)| *sum += news);
    }
}
