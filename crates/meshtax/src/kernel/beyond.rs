//! The witnesses beside that of TCP: drops, UDP and DNS. Those of UDP and DNS are on the way of every packet, so an
//! experiment asks for them (`watch: all`).

use std::collections::HashSet;
use std::path::Path;

use anyhow::Context;
use meter::NetworkTotals;
use probe::{Costs, Dns, DnsOptions, Drops, Ports, ProgramCost, Udp};
use serde::Serialize;

use crate::experiment::Experiment;
use crate::failure::Failure;

/// The programs, attached; gone when this is dropped.
pub struct Beyond {
    drops: Drops,
    udp: Udp,
    dns: Dns,
}

/// What they saw in an arm's pods, and what others counted of the same.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Passed {
    /// Packets dropped for a reason that somebody may miss them for.
    pub dropped: u64,
    /// Datagrams sent, and received by programs.
    pub datagrams: u64,
    /// DNS queries that have ended.
    pub queries: u64,
    /// Of those, queries for names that do not exist.
    pub nonexistent: u64,
    /// Of those, queries without an answer in time.
    pub timeouts: u64,
    /// DNS queries over UDP that came to the arm's server of names, as its kernel counted.
    #[serde(skip)]
    pub asked: u64,
}

/// Whether the programs can be loaded, where an arm asks for them.
pub fn check(experiment: &Experiment) -> Result<(), Failure> {
    if experiment.arms.iter().any(|arm| arm.watched_beyond) {
        let hint =
            "the arms with `watch: all` need it; `watch: on` does with less, and `meshtax doctor` says what is missing";
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

    /// What was seen in `namespaces` so far; `server` is the process that answers queries there.
    pub fn passed(&self, namespaces: &HashSet<u32>, server: u32) -> anyhow::Result<Passed> {
        let mut passed = Passed::default();
        let dropped = self.drops.series().context("cannot read the witness of drops")?;
        passed.dropped = dropped
            .iter()
            .filter(|(key, _)| namespaces.contains(&key.netns) && !key.benign)
            .map(|(_, count)| count)
            .sum();
        let udp = self.udp.series().context("cannot read the witness of UDP")?;
        for (_, series) in udp.iter().filter(|(key, _)| namespaces.contains(&key.netns)) {
            passed.datagrams += series.sent + series.received - series.dropped();
        }
        let dns = self.dns.series().context("cannot read the witness of DNS")?;
        for (key, series) in dns.iter().filter(|(key, _)| namespaces.contains(&key.netns)) {
            passed.queries += series.queries;
            match key.rcode.to_string().as_str() {
                measure::NXDOMAIN => passed.nonexistent += series.queries,
                "TIMEOUT" => passed.timeouts += series.queries,
                _ => (),
            }
        }
        passed.asked = NetworkTotals::read(Path::new("/"), server)?.datagrams_received;
        Ok(passed)
    }

    /// What each program has taken, while programs are timed.
    pub fn costs(&self) -> Vec<ProgramCost> {
        [self.drops.costs(), self.udp.costs(), self.dns.costs()].into_iter().flat_map(Costs::programs).collect()
    }
}

impl Passed {
    /// What is new since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        self.with(earlier, u64::saturating_sub)
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        self.with(other, u64::wrapping_add)
    }

    fn with(self, other: Self, of: fn(u64, u64) -> u64) -> Self {
        Self {
            dropped: of(self.dropped, other.dropped),
            datagrams: of(self.datagrams, other.datagrams),
            queries: of(self.queries, other.queries),
            nonexistent: of(self.nonexistent, other.nonexistent),
            timeouts: of(self.timeouts, other.timeouts),
            asked: of(self.asked, other.asked),
        }
    }
}
