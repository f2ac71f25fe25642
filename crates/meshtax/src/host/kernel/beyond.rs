//! The witnesses beside the TCP one: drops, UDP and DNS. The programs of UDP and DNS run for every packet, so an
//! experiment must ask for them (`watch: all`).

use std::collections::HashSet;
use std::path::Path;

use anyhow::Context;
use experiment::Experiment;
use meter::NetworkTotals;

use probe::{Costs, Dns, DnsOptions, Drops, Ports, Udp};
use records::{ProgramCost, Rcode};
use run::PacketCounts;

use crate::failure::Failure;

/// The attached programs of these witnesses. They detach when this is dropped.
pub struct Beyond {
    drops: Drops,
    udp: Udp,
    dns: Dns,
}

/// Checks that the programs can be loaded if an arm asks for them.
pub fn check(experiment: &Experiment) -> Result<(), Failure> {
    if experiment.arms.iter().any(|arm| arm.watched_beyond) {
        let hint =
            "the arms with `watch: all` need it; `watch: on` needs less, and `meshtax doctor` says what is missing";
        Beyond::begin().map(drop).map_err(|error| Failure::new(format!("{error:#}"), hint))?;
    }
    Ok(())
}

impl Beyond {
    /// Loads and attaches the programs.
    pub fn begin() -> anyhow::Result<Self> {
        let mut drops = Drops::load().context("cannot load the witness of drops")?;
        let mut udp = Udp::load(Ports::Services).context("cannot load the witness of UDP")?;
        let mut dns = Dns::load(DnsOptions { names: false, feed: false, ..DnsOptions::default() })
            .context("cannot load the witness of DNS")?;
        drops.attach().context("cannot attach the witness of drops")?;
        udp.attach().context("cannot attach the witness of UDP")?;
        dns.attach().context("cannot attach the witness of DNS")?;
        Ok(Self { drops, udp, dns })
    }

    /// What was counted in `namespaces` so far; `server` is the id of the process that answers queries there.
    pub fn packets(&self, namespaces: &HashSet<u32>, server: u32) -> anyhow::Result<PacketCounts> {
        let mut packets = PacketCounts::default();
        let dropped = self.drops.series().context("cannot read the witness of drops")?;
        packets.dropped = dropped
            .iter()
            .filter(|(key, _)| namespaces.contains(&key.netns) && !key.benign)
            .map(|(_, count)| count)
            .sum();
        let udp = self.udp.series().context("cannot read the witness of UDP")?;
        for (_, series) in udp.iter().filter(|(key, _)| namespaces.contains(&key.netns)) {
            packets.datagrams += series.sent + series.received - series.dropped();
        }
        let dns = self.dns.series().context("cannot read the witness of DNS")?;
        for (key, series) in dns.iter().filter(|(key, _)| namespaces.contains(&key.netns)) {
            packets.queries += series.queries;
            match key.rcode {
                Rcode::NXDOMAIN => packets.nonexistent += series.queries,
                Rcode::TIMEOUT => packets.timeouts += series.queries,
                _ => (),
            }
        }
        packets.asked = NetworkTotals::read(Path::new("/"), server)?.datagrams_received;
        Ok(packets)
    }

    /// The time that each program has taken, while programs are timed.
    pub fn costs(&self) -> Vec<ProgramCost> {
        [self.drops.costs(), self.udp.costs(), self.dns.costs()].into_iter().flat_map(Costs::programs).collect()
    }
}
