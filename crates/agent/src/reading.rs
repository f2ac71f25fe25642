//! What one scrape reads.

use std::collections::BTreeSet;

use probe::{Connection, DropKey, DropLosses, Key, Losses, Series, UdpKey, UdpLosses, UdpSeries, dns};

use crate::conntrack::Told;
use crate::cost::Cost;
use crate::totals::Owner;

/// Everything that one scrape reads.
#[derive(Debug)]
pub struct Reading {
    /// Counters.
    pub series: Vec<(Key, Series)>,
    /// What is open.
    pub connections: Vec<Connection>,
    /// What was missed.
    pub losses: Losses,
    /// What is seen beside TCP.
    pub beyond: Beyond,
    /// Who is behind translated addresses; none where nobody looks.
    pub translations: Option<Told>,
    /// What the agent itself costs.
    pub cost: Cost,
}

impl Reading {
    /// Owners of what is open.
    pub(crate) fn open(&self) -> BTreeSet<Owner> {
        self.connections.iter().map(|connection| (connection.netns, connection.cgroup)).collect()
    }

    /// Owners of what was counted.
    pub(crate) fn heard(&self) -> BTreeSet<Owner> {
        self.series.iter().map(|(key, _)| (key.netns, key.cgroup)).collect()
    }
}

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
