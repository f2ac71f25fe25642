/// Bucket i holds latencies below 2^(i + 6) µs, the last one all others.
pub const LATENCY_BUCKETS: usize = 18;

counters! {
    /// Counters that only grow, since the programs were loaded.
    pub struct DnsSeries as "series" {
        /// Queries that have ended.
        pub queries: u64,
        /// Of those, how many had an answer that says that it is truncated.
        pub truncated: u64,
        /// Time from query to answer, in nanoseconds, summed over answers.
        pub latency_ns: u64,
        /// How many of those times lay below each bound, and above the last.
        pub latency: [u64; LATENCY_BUCKETS],
    }

    /// What the witness itself has missed; each number would be 0 in a better world.
    pub struct DnsLosses as "losses" {
        /// Queries that ended when the ring was full; no counter misses them.
        pub events: u64,
        /// Times that something was counted as `other` because there was no room for a series more.
        pub series: u64,
        /// Queries that there was no room to follow: neither their answer nor their timeout is counted.
        pub queries: u64,
        /// Connections that the kernel had no memory to follow.
        pub sockets: u64,
        /// Messages, or segments of TCP, that were not understood.
        pub unparsed: u64,
        /// Packets with further headers of IPv6, of whatever port: they are not looked into.
        pub extended: u64,
        /// Answers without a query that still waits: late ones, and those to queries from before the witness.
        pub unmatched: u64,
    }
}
