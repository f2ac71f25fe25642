//! What watches while there is load.

use probe::Probe;

use crate::tcptop::{Attached, Tcptop};

/// What watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    /// Nothing.
    None,
    /// Nothing again: what a difference between equals looks like.
    Null,
    /// The kernel witness with all its programs, as the agent attaches it.
    Witness,
    /// The algorithm of bcc's tcptop.
    Tcptop,
}

/// A monitor at work. Nothing of it is in the kernel once this is dropped: a listener's story, for one, would be
/// inherited by connections of the next block.
pub enum Monitor {
    None,
    Witness(Probe),
    Tcptop(Attached),
}

impl Arm {
    /// All of them, the baseline first.
    pub const ALL: [Self; 4] = [Self::None, Self::Witness, Self::Tcptop, Self::Null];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Null => measure::NULL_ARM,
            Self::Witness => "witness",
            Self::Tcptop => "tcptop",
        }
    }

    /// Sets it to work.
    pub fn attach(self, tcptop: &Tcptop) -> Monitor {
        match self {
            Self::None | Self::Null => Monitor::None,
            Self::Witness => {
                let mut probe = Probe::load().expect("root may load programs");
                probe.attach().expect("the kernel takes them");
                Monitor::Witness(probe)
            }
            Self::Tcptop => Monitor::Tcptop(tcptop.attach(&["top_sent", "top_received"])),
        }
    }
}

impl Monitor {
    /// Reads what it has counted; how many bytes it has seen move.
    pub fn read(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Witness(probe) => {
                let series = probe.series().expect("there is memory");
                series.iter().map(|(_, series)| series.sent + series.received).sum()
            }
            Self::Tcptop(attached) => attached.read_and_clear(),
        }
    }
}
