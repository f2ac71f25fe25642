//! What watches while there is load.

use probe::{Dns, DnsOptions, Drops, Ports, Probe, SOCKETS_MAX, Udp};

use crate::tcptop::{Attached, Tcptop};

/// What watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// Nothing.
    None,
    /// Nothing again: what a difference between equals looks like.
    Null,
    /// Programs that do nothing, where the witness has those that run for every connection.
    Empty,
    /// The kernel witness of TCP with all its programs.
    Witness,
    /// All witnesses that the agent has unless it is told otherwise: some run for every packet.
    Agent,
    /// The algorithm of bcc's tcptop.
    Tcptop,
}

/// A monitor at work. Nothing of it is in the kernel once this is dropped: a listener's story, for one, would be
/// inherited by connections of the next block.
pub enum Monitor {
    None,
    Witness(Probe),
    Agent(Box<Witnesses>),
    Tcptop(Attached),
}

/// What the agent watches by.
pub struct Witnesses {
    probe: Probe,
    udp: Udp,
    dns: Dns,
    drops: Drops,
}

impl Arm {
    /// Those that watch, the baseline first.
    pub const ALL: [Self; 5] = [Self::None, Self::Witness, Self::Agent, Self::Tcptop, Self::Null];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Null => measure::NULL_ARM,
            Self::Empty => "empty",
            Self::Witness => "witness",
            Self::Agent => "agent",
            Self::Tcptop => "tcptop",
        }
    }

    /// Sets it to work.
    pub fn attach(self, tcptop: &Tcptop) -> Monitor {
        match self {
            Self::None | Self::Null => Monitor::None,
            Self::Empty => Monitor::Tcptop(tcptop.attach(&["empty_state", "empty_destroy"])),
            Self::Witness => Monitor::Witness(witness()),
            Self::Agent => Monitor::Agent(Box::new(Witnesses::attach())),
            Self::Tcptop => Monitor::Tcptop(tcptop.attach(&["top_sent", "top_received"])),
        }
    }
}

impl Monitor {
    /// Reads what it has counted; how many bytes it has seen move.
    pub fn read(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Witness(probe) => moved(probe),
            Self::Agent(witnesses) => witnesses.read(),
            Self::Tcptop(attached) => attached.read_and_clear(),
        }
    }
}

impl Witnesses {
    /// With the agent's options.
    fn attach() -> Self {
        let mut udp = Udp::load(Ports::Services).expect("root may load programs");
        let mut dns = Dns::load(DnsOptions { feed: false, ..DnsOptions::default() }).expect("root may load programs");
        let mut drops = Drops::load().expect("root may load programs");
        udp.attach().expect("the kernel takes them");
        dns.attach().expect("the kernel takes them");
        drops.attach().expect("the kernel takes them");
        Self { probe: witness(), udp, dns, drops }
    }

    /// Reads what a scrape reads.
    fn read(&self) -> u64 {
        self.udp.series().expect("there is memory");
        self.dns.series().expect("there is memory");
        self.drops.series().expect("there is memory");
        self.probe.connections().expect("there is memory");
        moved(&self.probe)
    }
}

fn witness() -> Probe {
    let mut probe = Probe::load_to_count(SOCKETS_MAX).expect("root may load programs");
    probe.attach().expect("the kernel takes them");
    probe
}

/// Bytes that it has seen sent and received.
fn moved(probe: &Probe) -> u64 {
    let series = probe.series().expect("there is memory");
    series.iter().map(|(_, series)| series.sent + series.received).sum()
}
