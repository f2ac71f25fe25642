use serde::Serialize;

/// What the kernel witness saw of an arm, and what its pods' kernels counted of the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Watched {
    /// By the witness of TCP.
    #[serde(flatten)]
    pub tcp: TcpCounts,
    /// By the pods' own totals.
    #[serde(skip)]
    pub totals: KernelTotals,
    /// By the witnesses beside it, and what others counted of the same.
    #[serde(flatten)]
    pub packets: Option<PacketCounts>,
}

/// What the witness saw in a block and the requests just before it: a line of `probe.jsonl`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BlockSight<'a> {
    /// Name of the arm.
    pub arm: &'a str,
    /// Round, from 0.
    pub round: u32,
    /// What was seen.
    #[serde(flatten)]
    pub watched: Watched,
}

/// TCP within an arm, both ends counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TcpCounts {
    /// Payload sent.
    pub sent_bytes: u64,
    /// Payload received.
    pub received_bytes: u64,
    /// Connections that opened.
    pub opened: u64,
    /// Connections that closed.
    pub closed: u64,
    /// Opens that failed.
    pub failed: u64,
    /// Segments sent again.
    pub retransmits: u64,
}

/// What the witnesses of drops, UDP and DNS saw in an arm's pods, and what others counted of the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PacketCounts {
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

/// What the kernels of an arm's pods counted of TCP and UDP themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelTotals {
    /// Connections asked for, and connections accepted.
    pub opens: u64,
    /// Opens that failed, of either end.
    pub failed_opens: u64,
    /// Segments sent again.
    pub retransmits: u64,
    /// UDP datagrams sent, and received by programs.
    pub datagrams: u64,
}

impl Watched {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            tcp: self.tcp.with(other.tcp, u64::wrapping_add),
            totals: self.totals.with(other.totals, u64::wrapping_add),
            packets: match (self.packets, other.packets) {
                (Some(packets), Some(others)) => Some(packets.with(others, u64::wrapping_add)),
                (packets, others) => packets.or(others),
            },
        }
    }

    /// What is new since `earlier`. The end of a connection may take back a byte that a snapshot told, so that what the
    /// witness saw may fall by that much.
    pub fn since(self, earlier: Self) -> Self {
        let both = self.packets.zip(earlier.packets);
        Self {
            tcp: self.tcp.with(earlier.tcp, u64::saturating_sub),
            totals: self.totals.with(earlier.totals, u64::wrapping_sub),
            packets: both.map(|(packets, earlier)| packets.with(earlier, u64::saturating_sub)),
        }
    }
}

impl TcpCounts {
    fn with(self, other: Self, of: fn(u64, u64) -> u64) -> Self {
        Self {
            sent_bytes: of(self.sent_bytes, other.sent_bytes),
            received_bytes: of(self.received_bytes, other.received_bytes),
            opened: of(self.opened, other.opened),
            closed: of(self.closed, other.closed),
            failed: of(self.failed, other.failed),
            retransmits: of(self.retransmits, other.retransmits),
        }
    }
}

impl PacketCounts {
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

impl KernelTotals {
    fn with(self, other: Self, of: fn(u64, u64) -> u64) -> Self {
        Self {
            opens: of(self.opens, other.opens),
            failed_opens: of(self.failed_opens, other.failed_opens),
            retransmits: of(self.retransmits, other.retransmits),
            datagrams: of(self.datagrams, other.datagrams),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_one_flat_line() {
        let tcp = TcpCounts { sent_bytes: 7, opened: 1, ..TcpCounts::default() };
        let line = |packets| {
            let watched = Watched { tcp, packets, ..Watched::default() };
            serde_json::to_string(&BlockSight { arm: "none", round: 2, watched }).unwrap()
        };
        let of_tcp = "\"arm\":\"none\",\"round\":2,\"sent_bytes\":7,\"received_bytes\":0,\"opened\":1,\"closed\":0,\
                      \"failed\":0,\"retransmits\":0";
        assert_eq!(line(None), format!("{{{of_tcp}}}"));
        let of_packets = "\"dropped\":0,\"datagrams\":0,\"queries\":3,\"nonexistent\":0,\"timeouts\":0";
        let packets = PacketCounts { queries: 3, asked: 3, ..PacketCounts::default() };
        assert_eq!(line(Some(packets)), format!("{{{of_tcp},{of_packets}}}"));
    }

    #[test]
    fn blocks_add_up_and_a_byte_that_is_taken_back_is_nothing() {
        let of = |sent_bytes, queries: Option<u64>| Watched {
            tcp: TcpCounts { sent_bytes, ..TcpCounts::default() },
            packets: queries.map(|queries| PacketCounts { queries, ..PacketCounts::default() }),
            ..Watched::default()
        };
        assert_eq!(of(7, Some(2)).plus(of(1, Some(3))), of(8, Some(5)));
        assert_eq!(Watched::default().plus(of(1, Some(3))), of(1, Some(3)));
        assert_eq!(of(7, Some(5)).since(of(8, Some(2))), of(0, Some(3)));
        assert_eq!(of(7, None).since(of(2, None)), of(5, None));
    }
}
