/// Number of buckets of the latency histogram. Bucket i holds latencies below 2^(i + 6) µs, and the last one all
/// others.
pub const LATENCY_BUCKETS: usize = 18;

counters! {
    /// Counters of DNS queries since the programs were loaded.
    pub struct DnsSeries as "series" {
        /// DNS queries that ended.
        pub queries: u64,
        /// DNS answers marked as truncated.
        pub truncated: u64,
        /// Total time from DNS query to answer, in nanoseconds.
        pub latency_ns: u64,
        /// DNS latencies by bucket, the last one above all bounds.
        pub latency: [u64; LATENCY_BUCKETS],
    }

    /// What the DNS witness missed. All counters are 0 if it missed nothing.
    pub struct DnsLosses as "losses" {
        /// Query events lost because the ring was full. No other counter misses these queries.
        pub events: u64,
        /// Times that a query was counted as other because the map of series was full.
        pub series: u64,
        /// DNS queries not followed for lack of room. Neither their answers nor their timeouts are counted.
        pub queries: u64,
        /// TCP connections not followed for lack of kernel memory.
        pub sockets: u64,
        /// DNS messages and TCP segments that could not be parsed.
        pub unparsed: u64,
        /// Packets on any port with IPv6 extension headers, which are not parsed.
        pub extended: u64,
        /// DNS answers without a waiting query: late answers, and answers to queries older than the witness.
        pub unmatched: u64,
    }
}
