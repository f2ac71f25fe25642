use serde::{Deserialize, Serialize};

const IPPROTO_TCP: u8 = 6;

/// What carries messages between ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Transport {
    /// By its number in an IP header; all but TCP is taken for UDP.
    pub(crate) fn of(number: u8) -> Self {
        if number == IPPROTO_TCP { Self::Tcp } else { Self::Udp }
    }

    /// Its name, such as `udp`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}
