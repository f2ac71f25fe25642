use serde::{Deserialize, Serialize};

const IPPROTO_TCP: u8 = 6;

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP, which carries connections.
    Tcp,
    /// UDP, which carries datagrams.
    Udp,
}

impl Transport {
    /// Returns the protocol with this number in an IP header. Any number but that of TCP becomes UDP.
    pub(crate) fn of(number: u8) -> Self {
        if number == IPPROTO_TCP { Self::Tcp } else { Self::Udp }
    }

    /// Returns the protocol's name, such as `udp`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}
