use std::time::Instant;

use probe::{Dns, Drops, Probe, ProbeError, Udp};

use crate::beyond::{Beyond, Counted};
use crate::export::Reading;
use crate::own::{Cost, own_cost};

/// What sees for the agent.
#[derive(Debug)]
pub struct Witnesses {
    /// Of connections.
    pub probe: Probe,
    /// Of DNS, where it is wanted and to be had.
    pub dns: Option<Dns>,
    /// Of datagrams, likewise.
    pub udp: Option<Udp>,
    /// Of packets that the kernel drops, likewise.
    pub drops: Option<Drops>,
}

impl Witnesses {
    /// Whether all that they tell can be read.
    pub fn can_read(&self) -> bool {
        self.read().is_ok()
    }

    /// Reads all that one scrape tells.
    pub(crate) fn read(&self) -> Result<Reading, ProbeError> {
        let Self { probe, .. } = self;
        let started = Instant::now();
        let series = probe.series()?;
        let connections = probe.connections()?;
        let losses = probe.losses()?;
        let beyond = self.read_beyond()?;
        let (programs, maps) = (probe.program_costs(), probe.map_fills()?);
        let cost = Cost { reading_s: started.elapsed().as_secs_f64(), programs, maps, ..own_cost() };
        Ok(Reading { series, connections, losses, beyond, cost })
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

    /// Gives up DNS queries without an answer, so that their places do not run out when nobody scrapes.
    pub(crate) fn tidy(&self) {
        if let Some(dns) = &self.dns {
            // A scrape does it again, and tells why it fails.
            dns.give_up().ok();
        }
    }
}
