//! The monitors that watch during load.

use probe::{Dns, DnsOptions, Drops, Ports, SOCKETS_MAX, Tcp, Udp};

use crate::tcptop::{Loaded, Tcptop};

/// The monitors, each of which is an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// Nothing.
    None,
    /// Nothing again, which shows the noise between equal arms.
    Null,
    /// Programs that do nothing, at the places of the witness's programs that run for every connection.
    Empty,
    /// The kernel witness of TCP with all its programs.
    Witness,
    /// All witnesses of the agent by default; some run for every packet.
    Agent,
    /// The algorithm of bcc's tcptop.
    Tcptop,
}

/// A loaded monitor. Nothing of it stays in the kernel once this is dropped.
pub enum Monitor {
    None,
    Witness(Tcp),
    Agent(Box<Witnesses>),
    Tcptop(Loaded),
}

/// The witnesses of the agent.
pub struct Witnesses {
    probe: Tcp,
    udp: Udp,
    dns: Dns,
    drops: Drops,
}

impl Arm {
    /// All arms of the comparison, the baseline first.
    pub const ALL: [Self; 5] = [Self::None, Self::Witness, Self::Agent, Self::Tcptop, Self::Null];

    /// The name in tables.
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

    /// Loads the monitor, which costs nothing yet.
    pub fn load(self, tcptop: &Tcptop) -> Monitor {
        match self {
            Self::None | Self::Null => Monitor::None,
            Self::Empty => Monitor::Tcptop(tcptop.load(&["empty_state", "empty_destroy"])),
            Self::Witness => Monitor::Witness(witness()),
            Self::Agent => Monitor::Agent(Box::new(Witnesses::load())),
            Self::Tcptop => Monitor::Tcptop(tcptop.load(&["top_sent", "top_received"])),
        }
    }
}

impl Monitor {
    /// Attaches the monitor.
    pub fn attach(&mut self) {
        match self {
            Self::None => {}
            Self::Witness(probe) => probe.attach().expect("the kernel takes them"),
            Self::Agent(witnesses) => witnesses.attach(),
            Self::Tcptop(loaded) => loaded.attach(),
        }
    }

    /// Detaches the monitor.
    pub fn detach(&mut self) {
        match self {
            Self::None => {}
            Self::Witness(probe) => probe.detach(),
            Self::Agent(witnesses) => witnesses.detach(),
            Self::Tcptop(loaded) => loaded.detach(),
        }
    }

    /// Reads the monitor's counters. Returns the bytes that it has seen.
    pub fn read(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Witness(probe) => moved(probe),
            Self::Agent(witnesses) => witnesses.read(),
            Self::Tcptop(loaded) => loaded.read_and_clear(),
        }
    }
}

impl Witnesses {
    /// Loads the witnesses with the agent's options.
    fn load() -> Self {
        Self {
            probe: witness(),
            udp: Udp::load(Ports::Services).expect("root may load programs"),
            dns: Dns::load(DnsOptions { feed: false, ..DnsOptions::default() }).expect("root may load programs"),
            drops: Drops::load().expect("root may load programs"),
        }
    }

    fn attach(&mut self) {
        self.probe.attach().expect("the kernel takes them");
        self.udp.attach().expect("the kernel takes them");
        self.dns.attach().expect("the kernel takes them");
        self.drops.attach().expect("the kernel takes them");
    }

    fn detach(&mut self) {
        self.probe.detach();
        self.udp.detach();
        self.dns.detach();
        self.drops.detach();
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

fn witness() -> Tcp {
    Tcp::load_to_count(SOCKETS_MAX).expect("root may load programs")
}

/// Bytes that the witness has seen sent and received.
fn moved(probe: &Tcp) -> u64 {
    let series = probe.series().expect("there is memory");
    series.iter().map(|(_, series)| series.sent + series.received).sum()
}
