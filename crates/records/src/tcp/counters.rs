use crate::connection::EventKind;

/// Number of buckets of the histogram of round-trip times. Bucket i holds times below 2^(i + 5) µs, and the last one
/// all others.
pub const RTT_BUCKETS: usize = 16;

counters! {
    /// Counters of TCP connections since the programs were loaded.
    pub struct TcpSeries as "series" {
        /// TCP connections established.
        pub opened: u64,
        /// TCP connections established and then closed.
        pub closed: u64,
        /// TCP connection attempts that failed or were given up by the client.
        pub failed: u64,
        /// TCP connections aborted by a reset of either side or by an error.
        pub reset: u64,
        /// TCP resets sent.
        pub resets_sent: u64,
        /// TCP resets received, including those that refuse a connection.
        pub resets_received: u64,
        /// Payload bytes sent in TCP connections.
        pub sent: u64,
        /// Payload bytes received in TCP connections.
        pub received: u64,
        /// Bytes retransmitted in TCP connections.
        pub retransmitted: u64,
        /// TCP segments retransmitted.
        pub retransmits: u64,
        /// TCP segments that arrived out of order.
        pub out_of_order: u64,
        /// TCP connections whose byte counts may be too low, because a sockmap may have carried bytes past TCP.
        pub bypassed: u64,
        /// Total duration of TCP handshakes that could be timed, in nanoseconds.
        pub handshake_ns: u64,
        /// TCP connections whose handshake could not be timed, because the SYN-ACK was retransmitted.
        pub untimed: u64,
        /// Sum of smoothed round-trip times at snapshots and ends, in microseconds.
        pub rtt_sum_us: u64,
        /// Smoothed round-trip times by bucket, the last one above all bounds.
        pub rtt: [u64; RTT_BUCKETS],
    }

    /// What the TCP witness missed. All counters are 0 if it missed nothing.
    pub struct TcpLosses as "losses" {
        /// Events lost because the ring was full, by kind. No other counter misses them.
        pub events: [u64; EventKind::ALL.len()],
        /// Times that something was counted as other because the map of series was full.
        pub series: u64,
        /// Sockets not followed for lack of room.
        pub sockets: u64,
        /// Sockets first seen after they had moved bytes. Those bytes are in no counter.
        pub late: u64,
    }
}
