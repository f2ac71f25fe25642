use std::time::Instant;

use probe::{Costs, Dns, Drops, MapFill, ProbeError, ProgramCost, Tcp, Udp};

use crate::conntrack::Conntrack;
use crate::cost::{Cost, cost_of, own_cost};
use crate::reading::{Beyond, Counted, Reading};

/// What sees for the agent.
#[derive(Debug)]
pub struct Witnesses {
    /// Of connections.
    pub probe: Tcp,
    /// Of DNS, where it is wanted and to be had.
    pub dns: Option<Dns>,
    /// Of datagrams, likewise.
    pub udp: Option<Udp>,
    /// Of packets that the kernel drops, likewise.
    pub drops: Option<Drops>,
    /// What tells who is behind translated addresses, likewise.
    pub conntrack: Option<Conntrack>,
}

impl Witnesses {
    /// Whether all that they tell can be read.
    pub fn can_read(&self) -> bool {
        self.look().is_ok()
    }

    /// Reads all that one scrape tells.
    pub(crate) fn read(&self) -> Result<Reading, ProbeError> {
        let mut reading = self.look()?;
        if let Some(conntrack) = &self.conntrack {
            reading.translations = Some(conntrack.read());
            conntrack.processes().map(cost_of).into_iter().for_each(|cost| reading.cost.add(cost));
        }
        Ok(reading)
    }

    /// Reads all that the witnesses tell themselves.
    fn look(&self) -> Result<Reading, ProbeError> {
        let Self { probe, .. } = self;
        let started = Instant::now();
        let series = probe.series()?;
        let connections = probe.connections()?;
        let losses = probe.losses()?;
        let beyond = self.read_beyond()?;
        let (programs, mut maps) = (self.program_costs(), self.map_fills()?);
        maps.push(("tcp", probe.room(&connections)));
        let cost = Cost {
            reading_s: started.elapsed().as_secs_f64(),
            programs,
            maps,
            is_timed: probe.times_programs(),
            ..own_cost()
        };
        Ok(Reading { series, connections, losses, beyond, translations: None, cost })
    }

    fn read_beyond(&self) -> Result<Beyond, ProbeError> {
        let dns = |dns: &Dns| Ok(Counted { series: dns.series()?, losses: dns.losses()? });
        let udp = |udp: &Udp| Ok(Counted { series: udp.series()?, losses: udp.losses()? });
        let drops = |drops: &Drops| Ok(Counted { series: drops.series()?, losses: drops.losses()? });
        Ok(Beyond {
            dns: self.dns.as_ref().map(dns).transpose()?,
            udp: self.udp.as_ref().map(udp).transpose()?,
            drops: self.drops.as_ref().map(drops).transpose()?,
        })
    }

    /// What each witness costs in the kernel, by its name.
    fn costs(&self) -> impl Iterator<Item = (&'static str, Costs<'_>)> {
        let Self { probe, dns, udp, drops, .. } = self;
        let dns = dns.as_ref().map(|dns| ("dns", dns.costs()));
        let udp = udp.as_ref().map(|udp| ("udp", udp.costs()));
        let drops = drops.as_ref().map(|drops| ("drops", drops.costs()));
        [Some(("tcp", probe.costs())), dns, udp, drops].into_iter().flatten()
    }

    fn program_costs(&self) -> Vec<(&'static str, ProgramCost)> {
        let of_each = |(witness, costs): (_, Costs)| costs.programs().into_iter().map(move |cost| (witness, cost));
        self.costs().flat_map(of_each).collect()
    }

    fn map_fills(&self) -> Result<Vec<(&'static str, MapFill)>, ProbeError> {
        let mut fills = Vec::new();
        for (witness, costs) in self.costs() {
            fills.extend(costs.maps()?.into_iter().map(|fill| (witness, fill)));
        }
        Ok(fills)
    }

    /// Gives up DNS queries without an answer, so that their places do not run out when nobody scrapes.
    pub(crate) fn tidy(&self) {
        if let Some(dns) = &self.dns {
            // A scrape does it again, and tells why it fails.
            dns.give_up().ok();
        }
    }
}
