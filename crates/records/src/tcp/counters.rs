use crate::connection::EventKind;

/// Buckets of a histogram of round-trip times: bucket i holds times below 2^(i + 5) µs, the last one all others.
pub const RTT_BUCKETS: usize = 16;

counters! {
    /// Counters that only grow, since the programs were loaded.
    pub struct TcpSeries as "series" {
        /// Connections established.
        pub opened: u64,
        /// Of those, connections that are gone.
        pub closed: u64,
        /// Active opens that failed, or were given up by who asked for them.
        pub failed: u64,
        /// Connections that were cut off: by a reset of either side, or an error.
        pub reset: u64,
        /// Resets sent.
        pub resets_sent: u64,
        /// Resets received: those that refuse an open, too.
        pub resets_received: u64,
        /// Payload bytes sent.
        pub sent: u64,
        /// Payload bytes received.
        pub received: u64,
        /// Bytes sent again.
        pub retransmitted: u64,
        /// Segments sent again.
        pub retransmits: u64,
        /// Segments that came out of order.
        pub out_of_order: u64,
        /// Connections of which a sockmap may have carried bytes past TCP, so that the bytes lack these.
        pub bypassed: u64,
        /// Time that handshakes took, in nanoseconds, summed over connections opened, without those that are not timed.
        pub handshake_ns: u64,
        /// Connections opened of which nobody knows how long the handshake took: the answer was sent again.
        pub untimed: u64,
        /// Smoothed round-trip times at snapshots and ends, summed, in microseconds.
        pub rtt_sum_us: u64,
        /// How many of those lay below each bound, and above the last.
        pub rtt: [u64; RTT_BUCKETS],
    }

    /// What the witness itself has missed; each number would be 0 in a better world.
    pub struct TcpLosses as "losses" {
        /// Events that found the ring full, by kind; no counter misses them.
        pub events: [u64; EventKind::ALL.len()],
        /// Times that something was counted as `other` because there was no room for a series more.
        pub series: u64,
        /// Sockets that there was no room to follow.
        pub sockets: u64,
        /// Sockets that were met only after they had moved bytes, of which no counter knows.
        pub late: u64,
    }
}
