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

/// Limits on what the ledger remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Maximum number of label sets per metric. Everything beyond is added to `other`.
    pub series_max: usize,
    /// How long the series of ended namespaces and control groups are still exported.
    pub expire: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { series_max: 1_000, expire: Duration::from_secs(300) }
    }
}

/// What the agent remembers between readings, so that counters never decrease and names outlive their sockets.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) namer: Namer,
    bounds: Bounds,
    pub(crate) tcp: Account<TcpKey>,
    /// Accounts of the other witnesses, in the order of export.
    pub(crate) others: Vec<Box<dyn AnyAccount>>,
    /// Packets that listeners dropped, by the socket's id.
    pub(crate) drops: Totals<u64, Labels, u64>,
    pub(crate) places: Places,
    /// Translations left out for lack of room.
    pub(crate) untold: u64,
    /// Translation tables that could not be read.
    pub(crate) unread: u64,
    /// Times that a gauge's series was added to `other` for lack of room, over all readings.
    overflows: u64,
    /// When the ledger last looked for ended namespaces and control groups.
    looked: Option<Duration>,
}

impl Ledger {
    /// Creates an empty ledger with an account of TCP connections. Names come from `registry`.
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

    /// Adds an account of what another witness counts.
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

    /// Returns whether all witnesses can be read.
    pub fn can_read(&self) -> bool {
        self.accounts().all(AnyAccount::can_read)
    }

    /// Reads the counters of all witnesses.
    ///
    /// # Errors
    ///
    /// Returns an error if a witness cannot be read.
    pub fn read(&mut self) -> Result<(), ReadError> {
        self.accounts_mut().try_for_each(AnyAccount::read)
    }

    /// Returns what the programs of each witness cost.
    pub fn programs(&self) -> Vec<(&'static str, ProgramCost)> {
        let of_each = |(witness, costs): (_, Vec<_>)| costs.into_iter().map(move |cost| (witness, cost));
        self.accounts().map(AnyAccount::programs).flat_map(of_each).collect()
    }

    /// Returns how full the maps of each witness are.
    ///
    /// # Errors
    ///
    /// Returns an error if a witness cannot be read.
    pub fn maps(&self) -> Result<Vec<(&'static str, MapFill)>, ReadError> {
        let mut fills = Vec::new();
        for account in self.accounts() {
            let (witness, maps) = account.maps()?;
            fills.extend(maps.into_iter().map(|fill| (witness, fill)));
        }
        Ok(fills)
    }

    /// Lets each witness free room in the kernel's maps while nobody reads the counters.
    pub fn tidy(&self) {
        self.accounts().for_each(AnyAccount::tidy);
    }

    /// Returns the owners of all TCP counters.
    pub(crate) fn heard(&self) -> BTreeSet<Owner> {
        self.tcp.series().iter().map(|(key, _)| (key.netns, key.cgroup)).collect()
    }

    /// Adds what is new in a reading to the sums.
    pub(crate) fn count(&mut self, reading: &Scrape, now: Duration) {
        // The kernel reuses the numbers of namespaces. Detach renamed ones before counting, so that a new namespace's
        // counts do not go to its predecessor's name. Learn addresses before counting, so that new series get their
        // names at once.
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

    /// Calls `act` for each account, with what is known now, until one call fails.
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

    /// Forgets namespaces and control groups that have ended and have not changed for a while, here and in the kernel.
    ///
    /// # Errors
    ///
    /// Returns an error if a witness cannot be read.
    pub fn expire(&mut self, open: &[Connection], now: Duration) -> Result<(), ReadError> {
        let Some(since) = now.checked_sub(self.bounds.expire) else { return Ok(()) };
        let gone = self.gone(open, since, now);
        if !gone.is_empty() {
            // Accounts come first, because the last counts of a key still need its names.
            self.each(|account, scene| account.forget(&gone, scene), now)?;
            self.namer.forget(gone.iter().map(|(netns, _)| *netns));
            self.drop_sums(since);
        }
        self.each(|account, scene| account.make_room(since, open, scene), now)
    }

    /// Returns owners that have ended, have no open socket, and have not changed after `since`. The machine is searched
    /// at most four times per expiry time, because that is expensive.
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

    /// Drops sums that no key adds to and that have not changed after `since`.
    fn drop_sums(&mut self, since: Duration) {
        self.accounts_mut().for_each(|account| account.expire(since));
        self.drops.expire(since);
    }

    /// Limits the number of series of each gauge.
    pub(crate) fn bound(&mut self, gauges: &mut [Family]) {
        self.overflows += gauges.iter_mut().map(|gauge| gauge.bound(self.bounds.series_max)).sum::<u64>();
    }

    /// Returns how often something was added to `other` because the limit on exported series was reached.
    pub(crate) fn overflows(&self) -> u64 {
        let counted: u64 = self.accounts().map(AnyAccount::overflows).sum();
        counted + self.drops.overflows() + self.overflows
    }
}

/// Returns the owners of the open connections.
pub(crate) fn owners(open: &[Connection]) -> BTreeSet<Owner> {
    open.iter().map(|connection| (connection.netns, connection.cgroup)).collect()
}

#[cfg(test)]
mod tests;
