use std::collections::HashSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use probe::{Connection, Key, ProbeError, Role, Series};

use crate::beyond::BeyondTotals;
use crate::grouping;
use crate::label::Labels;
use crate::link::Link;
use crate::living::Living;
use crate::metric::Family;
use crate::namer::Namer;
use crate::place::Places;
use crate::reading::Reading;
use crate::totals::{MANY, Owned, Owner, Totals};
use crate::witnesses::Witnesses;

/// How much is remembered, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most sets of labels of a metric; what is beyond is summed as `other`.
    pub series_max: usize,
    /// How long series of namespaces and control groups that are no more are still told.
    pub expire: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { series_max: 1_000, expire: Duration::from_secs(300) }
    }
}

/// Whether this process can see what comes and goes: elsewhere the series of some pods that are no more never expire.
pub fn sees_what_ends() -> bool {
    Living::seen_from(Path::new("/")).sees_all()
}

impl Owned for Key {
    fn owner(&self) -> Option<Owner> {
        (!self.is_other()).then_some((self.netns, self.cgroup))
    }
}

/// What is remembered from one reading to the next, so that no counter falls and no name is lost with what bore it.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) namer: Namer,
    pub(crate) bounds: Bounds,
    pub(crate) tcp: Totals<Key, Link, Series>,
    /// What is counted beside TCP.
    pub(crate) beyond: BeyondTotals,
    /// Packets that listeners dropped, by the socket's id.
    pub(crate) drops: Totals<u64, Labels, u64>,
    pub(crate) places: Places,
    /// Translations that were not told for want of room, and tables that could not be read.
    pub(crate) untold: u64,
    pub(crate) unread: u64,
    /// Series of gauges that found no room, at every reading.
    overflows: u64,
    root: PathBuf,
    /// When it was last looked for what is no more.
    looked: Option<Instant>,
}

impl Ledger {
    /// An empty one, about what is below `root`, which is `/` except in tests.
    pub fn new(root: &Path, bounds: Bounds) -> Self {
        Self {
            namer: Namer::new(root),
            bounds,
            tcp: Totals::new(bounds.series_max),
            beyond: BeyondTotals::new(bounds.series_max),
            drops: Totals::new(bounds.series_max),
            places: Places::default(),
            untold: 0,
            unread: 0,
            overflows: 0,
            root: root.to_owned(),
            looked: None,
        }
    }

    /// Adds what is new in a reading.
    pub(crate) fn count(&mut self, reading: &Reading, at: Instant) {
        let renamed = self.namer.reread();
        self.tcp.detach(|key| renamed.contains(&key.netns));
        self.beyond.detach(&renamed);
        self.namer.settle(&reading.open(), &reading.heard());
        self.places.learn(&reading.connections, &mut self.namer, at);
        if let Some(told) = &reading.translations {
            self.places.learn_translations(&told.translations, &mut self.namer, at);
            self.untold += told.beyond;
            self.unread += told.unread;
        }
        let Self { tcp, beyond, drops, places, namer, .. } = self;
        tcp.count_all(&reading.series, |key| Link::of(key, places, namer), at);
        beyond.count(&reading.beyond, places, namer, at);
        for listener in reading.connections.iter().filter(|connection| connection.role == Role::Listener) {
            drops.count(&listener.id, &listener.drops.into(), || grouping::of_listener(listener, namer), at);
        }
        let open: HashSet<u64> = reading.connections.iter().map(|connection| connection.id).collect();
        drops.retain(|id| open.contains(id));
    }

    /// Forgets what has had no news for a while and is no more, here and in the kernel.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn expire(
        &mut self,
        witnesses: &Witnesses,
        connections: &[Connection],
        now: Instant,
    ) -> Result<(), ProbeError> {
        let gone = self.gone(connections, now);
        if !gone.is_empty() {
            let last = witnesses.probe.forget(|key| gone.contains(&(key.netns, key.cgroup)))?;
            self.beyond.forget(witnesses, &gone, &self.places, &mut self.namer, now)?;
            self.forget(&last, &gone, now);
        }
        self.make_room(witnesses, connections, now)
    }

    /// Forgets keys of those who live, too, where the kernel has little room left and there were no news for a while: a server
    /// has other clients every day. What comes for one of them in the very moment in which it is forgotten would be lost.
    fn make_room(&mut self, witnesses: &Witnesses, connections: &[Connection], now: Instant) -> Result<(), ProbeError> {
        let Some(since) = now.checked_sub(self.bounds.expire) else { return Ok(()) };
        let Self { tcp, beyond, places, namer, .. } = self;
        let mut quiet = tcp.quiet(since, MANY);
        if !quiet.is_empty() {
            let open: HashSet<(u32, u64, IpAddr)> =
                connections.iter().map(|open| (open.netns, open.cgroup, open.remote.ip())).collect();
            quiet.retain(|key| !key.is_other() && !open.contains(&(key.netns, key.cgroup, key.remote)));
        }
        if !quiet.is_empty() {
            let last = witnesses.probe.forget(|key| quiet.contains(key))?;
            tcp.count_last(&last, |key| Link::of(key, places, namer), now);
        }
        beyond.make_room(witnesses, since, places, namer, now)
    }

    /// Network namespaces and control groups that are no more and have no socket left, after the time for which they are
    /// told. What there is is looked up at most four times in that time.
    fn gone(&mut self, connections: &[Connection], now: Instant) -> HashSet<Owner> {
        let Some(since) = now.checked_sub(self.bounds.expire) else { return HashSet::new() };
        self.places.forget(since);
        self.drop_sums(since);
        let mut lively: HashSet<Owner> =
            connections.iter().map(|connection| (connection.netns, connection.cgroup)).collect();
        let mut quiet = HashSet::new();
        self.tcp.heard(since, &mut quiet, &mut lively);
        self.beyond.heard(since, &mut quiet, &mut lively);
        quiet.retain(|owner| !lively.contains(owner));
        let is_early = self.looked.is_some_and(|looked| looked + self.bounds.expire / 4 > now);
        if quiet.is_empty() || is_early {
            return HashSet::new();
        }
        self.looked = Some(now);
        let living = Living::seen_from(&self.root);
        quiet.retain(|(netns, cgroup)| living.misses(*netns, *cgroup) || self.namer.is_former(*netns));
        quiet
    }

    /// Forgets owners who are gone, and keys that the kernel has forgotten with these last counts.
    fn forget(&mut self, last: &[(Key, Series)], gone: &HashSet<Owner>, now: Instant) {
        let Self { tcp, places, namer, .. } = self;
        tcp.count_last(last, |key| Link::of(key, places, namer), now);
        namer.forget(gone.iter().map(|(netns, _)| *netns));
        if let Some(since) = now.checked_sub(self.bounds.expire) {
            self.drop_sums(since);
        }
    }

    /// Drops sums to which nothing adds any more and that have had no news since then.
    fn drop_sums(&mut self, since: Instant) {
        self.tcp.expire(since);
        self.beyond.expire(since);
        self.drops.expire(since);
    }

    /// Holds gauges to the bound.
    pub(crate) fn bound(&mut self, gauges: &mut [Family]) {
        self.overflows += gauges.iter_mut().map(|gauge| gauge.bound(self.bounds.series_max)).sum::<u64>();
    }

    /// How often something was counted among the others for want of room in the exposition.
    pub(crate) fn overflows(&self) -> u64 {
        self.tcp.overflows() + self.beyond.overflows() + self.drops.overflows() + self.overflows
    }
}

#[cfg(test)]
mod tests;
