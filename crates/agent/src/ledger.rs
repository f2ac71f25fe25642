use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use probe::{Connection, Key, Probe, ProbeError, Role, Series};

use crate::export::{Reading, labels, listener_labels};
use crate::living::Living;
use crate::metric::{Family, Labels};
use crate::place::Places;
use crate::totals::{Count, Totals};
use crate::who::Namer;

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
        Self { series_max: 2_000, expire: Duration::from_secs(300) }
    }
}

/// Whether this process can see what comes and goes: elsewhere the series of some pods that are no more never expire.
pub fn sees_what_ends() -> bool {
    Living::seen_from(Path::new("/")).sees_all()
}

/// Whether Istio's metrics of a workload come from a sidecar, and the labels.
pub(crate) type TcpGroup = (bool, Labels);

/// What is remembered from one reading to the next, so that no counter falls and no name is lost with what bore it.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) namer: Namer,
    pub(crate) bounds: Bounds,
    pub(crate) tcp: Totals<Key, TcpGroup, Series>,
    /// Packets that listeners dropped, by the socket's id.
    pub(crate) drops: Totals<u64, Labels, u64>,
    pub(crate) places: Places,
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
            drops: Totals::new(bounds.series_max),
            places: Places::default(),
            overflows: 0,
            root: root.to_owned(),
            looked: None,
        }
    }

    /// Adds what is new in a reading.
    pub(crate) fn count(&mut self, reading: &Reading, at: Instant) {
        let renamed = self.namer.reread();
        self.tcp.detach(|key| renamed.contains(&key.netns));
        self.places.learn(&reading.connections, &mut self.namer, at);
        let mut series: HashMap<&Key, Series> = HashMap::new();
        for (key, counters) in reading.series.iter().filter(|(_, counters)| *counters != Series::default()) {
            series.entry(key).or_default().add(counters);
        }
        let Self { tcp, drops, places, namer, .. } = self;
        for (key, counters) in &series {
            tcp.count(key, counters, || (places.is_meshed(key.netns), labels(key, places, namer)), at);
        }
        for listener in reading.connections.iter().filter(|connection| connection.role == Role::Listener) {
            drops.count(&listener.id, &listener.drops.into(), || listener_labels(listener, namer), at);
        }
        let open: HashSet<u64> = reading.connections.iter().map(|connection| connection.id).collect();
        drops.retain(|id| open.contains(id));
    }

    /// Forgets what has had no news for a while and is no more, here and in the kernel.
    ///
    /// # Errors
    ///
    /// The kernel lacks memory for it.
    pub fn expire(&mut self, probe: &Probe, connections: &[Connection], now: Instant) -> Result<(), ProbeError> {
        let gone = self.gone(connections, now);
        if !gone.is_empty() {
            let last = probe.forget(|key| gone.contains(key))?;
            self.forget(&last, now);
        }
        Ok(())
    }

    /// Keys of namespaces and control groups that are no more and have no socket left, after the time for which they are
    /// told. What there is is looked up at most four times in that time.
    fn gone(&mut self, connections: &[Connection], now: Instant) -> HashSet<Key> {
        let Some(since) = now.checked_sub(self.bounds.expire) else { return HashSet::new() };
        self.places.forget(since);
        self.tcp.expire(since);
        self.drops.expire(since);
        let has_sockets: HashSet<(u32, u64)> =
            connections.iter().map(|connection| (connection.netns, connection.cgroup)).collect();
        let is_idle = |key: &&Key| !key.is_other() && !has_sockets.contains(&(key.netns, key.cgroup));
        let idle: HashSet<Key> = self.tcp.idle(since).filter(is_idle).cloned().collect();
        let is_early = self.looked.is_some_and(|looked| looked + self.bounds.expire / 4 > now);
        if idle.is_empty() || is_early {
            return HashSet::new();
        }
        self.looked = Some(now);
        let living = Living::seen_from(&self.root);
        let is_gone = |key: &Key| living.misses(key.netns, key.cgroup) || self.namer.is_former(key.netns);
        idle.into_iter().filter(is_gone).collect()
    }

    /// Forgets keys that the kernel has forgotten with these last counts.
    fn forget(&mut self, last: &[(Key, Series)], now: Instant) {
        let Self { tcp, places, namer, .. } = self;
        for (key, counters) in last {
            tcp.count(key, counters, || (places.is_meshed(key.netns), labels(key, places, namer)), now);
        }
        let keys: HashSet<&Key> = last.iter().map(|(key, _)| key).collect();
        tcp.retain(|key| !keys.contains(key));
        namer.forget(keys.iter().map(|key| key.netns));
        if let Some(since) = now.checked_sub(self.bounds.expire) {
            tcp.expire(since);
        }
    }

    /// Holds gauges to the bound.
    pub(crate) fn bound(&mut self, gauges: &mut [Family]) {
        self.overflows += gauges.iter_mut().map(|gauge| gauge.bound(self.bounds.series_max)).sum::<u64>();
    }

    /// How often something was counted among the others for want of room in the exposition.
    pub(crate) fn overflows(&self) -> u64 {
        self.tcp.overflows() + self.drops.overflows() + self.overflows
    }
}

#[cfg(test)]
mod tests;
