use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use records::{Connection, ConnectionRole, MapFill, ProgramCost, TcpKey};

use crate::account::{Account, Accounted, AnyAccount, Counting, ReadError, Scene};
use crate::label::Labels;
use crate::listener::listener_labels;
use crate::metric::Family;
use crate::namer::Namer;
use crate::place::Places;
use crate::registry::Registry;
use crate::scrape::Scrape;
use crate::totals::{Owner, Totals};

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

/// What is remembered from one reading to the next, so that no counter falls and no name is lost with what bore it.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) namer: Namer,
    bounds: Bounds,
    pub(crate) tcp: Account<TcpKey>,
    /// What is counted beside TCP, in the order in which it is told.
    pub(crate) others: Vec<Box<dyn AnyAccount>>,
    /// Packets that listeners dropped, by the socket's id.
    pub(crate) drops: Totals<u64, Labels, u64>,
    pub(crate) places: Places,
    /// Translations that were not told for want of room, and tables that could not be read.
    pub(crate) untold: u64,
    pub(crate) unread: u64,
    /// Series of gauges that found no room, at every reading.
    overflows: u64,
    /// When it was last looked for what is no more.
    looked: Option<Duration>,
}

impl Ledger {
    /// An empty one, about what is in these registry, with an account of connections.
    pub fn new(registry: impl Registry + 'static, bounds: Bounds, tcp: impl Counting<TcpKey> + 'static) -> Self {
        Self {
            namer: Namer::new(registry),
            bounds,
            tcp: Account::new(tcp, bounds.series_max),
            others: Vec::new(),
            drops: Totals::new(bounds.series_max),
            places: Places::default(),
            untold: 0,
            unread: 0,
            overflows: 0,
            looked: None,
        }
    }

    /// Opens an account of what another witness counts.
    pub fn open<K: Accounted>(&mut self, witness: impl Counting<K> + 'static) {
        self.others.push(Box::new(Account::new(witness, self.bounds.series_max)));
    }

    fn accounts(&self) -> impl Iterator<Item = &dyn AnyAccount> {
        let others = self.others.iter().map(|other| &**other);
        [&self.tcp as &dyn AnyAccount].into_iter().chain(others)
    }

    fn accounts_mut(&mut self) -> impl Iterator<Item = &mut dyn AnyAccount> {
        let others = self.others.iter_mut().map(|other| &mut **other as &mut dyn AnyAccount);
        [&mut self.tcp as &mut dyn AnyAccount].into_iter().chain(others)
    }

    /// Whether all witnesses can be read.
    pub fn can_read(&self) -> bool {
        self.accounts().all(AnyAccount::can_read)
    }

    /// Reads what all witnesses have counted.
    ///
    /// # Errors
    ///
    /// One of them cannot be read.
    pub fn read(&mut self) -> Result<(), ReadError> {
        self.accounts_mut().try_for_each(AnyAccount::read)
    }

    /// What the programs of each witness cost.
    pub fn programs(&self) -> Vec<(&'static str, ProgramCost)> {
        let of_each = |(witness, costs): (_, Vec<_>)| costs.into_iter().map(move |cost| (witness, cost));
        self.accounts().map(AnyAccount::programs).flat_map(of_each).collect()
    }

    /// How full the maps of each witness are.
    ///
    /// # Errors
    ///
    /// One of them cannot be read.
    pub fn maps(&self) -> Result<Vec<(&'static str, MapFill)>, ReadError> {
        let mut fills = Vec::new();
        for account in self.accounts() {
            let (witness, maps) = account.maps()?;
            fills.extend(maps.into_iter().map(|fill| (witness, fill)));
        }
        Ok(fills)
    }

    /// Has witnesses make room for what comes when nobody reads.
    pub fn tidy(&self) {
        self.accounts().for_each(AnyAccount::tidy);
    }

    /// Owners of what was counted of connections.
    pub(crate) fn heard(&self) -> BTreeSet<Owner> {
        self.tcp.series().iter().map(|(key, _)| (key.netns, key.cgroup)).collect()
    }

    /// Adds what is new in a reading.
    pub(crate) fn count(&mut self, reading: &Scrape, now: Duration) {
        let renamed = self.namer.reread();
        self.accounts_mut().for_each(|account| account.detach(&renamed));
        self.namer.settle(&owners(&reading.connections), &self.heard());
        self.places.learn(&reading.connections, &mut self.namer, now);
        if let Some(told) = &reading.translations {
            self.places.learn_translations(&told.translations, &mut self.namer, now);
            self.untold += told.beyond;
            self.unread += told.unread;
        }
        let Self { tcp, others, places, drops, namer, .. } = self;
        let mut scene = Scene { places, namer, now };
        tcp.count(&mut scene);
        others.iter_mut().for_each(|other| other.count(&mut scene));
        for listener in reading.connections.iter().filter(|connection| connection.role == ConnectionRole::Listener) {
            drops.count(&listener.id, &listener.drops.into(), || listener_labels(listener, namer), now);
        }
        let open: HashSet<u64> = reading.connections.iter().map(|connection| connection.id).collect();
        drops.retain(|id| open.contains(id));
    }

    /// Does something to each account, with what is known now, until it fails.
    fn each(
        &mut self,
        mut act: impl FnMut(&mut dyn AnyAccount, &mut Scene<'_>) -> Result<(), ReadError>,
        now: Duration,
    ) -> Result<(), ReadError> {
        let Self { tcp, others, places, namer, .. } = self;
        let mut scene = Scene { places, namer, now };
        act(tcp, &mut scene)?;
        others.iter_mut().try_for_each(|other| act(&mut **other, &mut scene))
    }

    /// Forgets what has had no news for a while and is no more, here and in the kernel.
    ///
    /// # Errors
    ///
    /// A witness cannot be read.
    pub fn expire(&mut self, open: &[Connection], now: Duration) -> Result<(), ReadError> {
        let Some(since) = now.checked_sub(self.bounds.expire) else { return Ok(()) };
        let gone = self.gone(open, since, now);
        if !gone.is_empty() {
            self.each(|account, scene| account.forget(&gone, scene), now)?;
            self.namer.forget(gone.iter().map(|(netns, _)| *netns));
            self.drop_sums(since);
        }
        self.each(|account, scene| account.make_room(since, open, scene), now)
    }

    /// Network namespaces and control groups that are no more and have no socket left, after the time for which they are
    /// told. What there is is looked up at most four times in that time.
    fn gone(&mut self, open: &[Connection], since: Duration, now: Duration) -> HashSet<Owner> {
        self.places.forget(since);
        self.drop_sums(since);
        let mut lively: HashSet<Owner> = owners(open).into_iter().collect();
        let mut quiet = HashSet::new();
        self.accounts().for_each(|account| account.heard(since, &mut quiet, &mut lively));
        quiet.retain(|owner| !lively.contains(owner));
        let is_early = self.looked.is_some_and(|looked| looked + self.bounds.expire / 4 > now);
        if quiet.is_empty() || is_early {
            return HashSet::new();
        }
        self.looked = Some(now);
        let living = self.namer.living();
        quiet.retain(|(netns, cgroup)| living.misses(*netns, *cgroup) || self.namer.is_former(*netns));
        quiet
    }

    /// Drops sums to which nothing adds any more and that have had no news since then.
    fn drop_sums(&mut self, since: Duration) {
        self.accounts_mut().for_each(|account| account.expire(since));
        self.drops.expire(since);
    }

    /// Holds gauges to the bound.
    pub(crate) fn bound(&mut self, gauges: &mut [Family]) {
        self.overflows += gauges.iter_mut().map(|gauge| gauge.bound(self.bounds.series_max)).sum::<u64>();
    }

    /// How often something was counted among the others for want of room in the exposition.
    pub(crate) fn overflows(&self) -> u64 {
        let counted: u64 = self.accounts().map(AnyAccount::overflows).sum();
        counted + self.drops.overflows() + self.overflows
    }
}

/// Owners of what is open.
pub(crate) fn owners(open: &[Connection]) -> BTreeSet<Owner> {
    open.iter().map(|connection| (connection.netns, connection.cgroup)).collect()
}

#[cfg(test)]
mod tests;
