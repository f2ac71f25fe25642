//! Signs of faults that the kernel witness shows in the pods of one arm.

use std::collections::{BTreeMap, HashSet};

use anyhow::Context;
use measure::Sign;
use probe::Tcp;
use records::State;
use run::KernelSigns;

use super::beyond::Beyond;

/// The programs that watch while faults are made, apart from those that watch blocks.
pub struct HostSigns {
    probe: Tcp,
    /// The other witnesses and the DNS server's process id, if the arm has `watch: all`.
    beyond: Option<(Beyond, u32)>,
    namespaces: HashSet<u32>,
    /// How often a listener's queue was found full so far.
    full: u64,
}

impl HostSigns {
    /// Watches these network namespaces. `dns` is the process id of their DNS server, if drops, UDP and DNS are watched
    /// as well.
    pub fn begin(namespaces: HashSet<u32>, dns: Option<u32>) -> anyhow::Result<Self> {
        let mut probe = Tcp::load().context("cannot load the kernel witness")?;
        probe.attach().context("cannot attach the kernel witness")?;
        let beyond = dns.map(|dns| anyhow::Ok((Beyond::begin()?, dns))).transpose()?;
        Ok(Self { probe, beyond, namespaces, full: 0 })
    }
}

impl KernelSigns for HostSigns {
    fn look(&mut self) -> anyhow::Result<BTreeMap<Sign, u64>> {
        let series = self.probe.series().context("cannot read what the kernel witness has counted")?;
        let here = || series.iter().filter(|(key, _)| self.namespaces.contains(&key.netns)).map(|(_, series)| series);
        let mut seen = BTreeMap::from([
            (Sign::Retransmits, here().map(|series| series.retransmits).sum()),
            (Sign::Resets, here().map(|series| series.reset).sum()),
            (Sign::FailedOpens, here().map(|series| series.failed).sum()),
        ]);
        let sockets = self.probe.connections().context("cannot read the kernel witness's sockets")?;
        let listeners = sockets.iter().filter(|socket| self.namespaces.contains(&socket.netns));
        let listeners: Vec<_> = listeners.filter(|socket| socket.state == State::Listen).collect();
        // The kernel lets one connection more wait than the limit says.
        self.full += listeners.iter().filter(|listener| listener.queue > listener.queue_max).count() as u64;
        seen.insert(Sign::FullAcceptQueues, self.full);
        seen.insert(Sign::ListenDrops, listeners.iter().map(|listener| u64::from(listener.drops)).sum());
        if let Some((beyond, dns)) = &self.beyond {
            let packets = beyond.packets(&self.namespaces, *dns)?;
            seen.insert(Sign::Nxdomain, packets.nonexistent);
            seen.insert(Sign::DnsTimeouts, packets.timeouts);
        }
        Ok(seen)
    }
}
