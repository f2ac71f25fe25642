counters! {
    /// Counters that only grow, since the programs were loaded. Bytes are payload.
    pub struct UdpSeries as "series" {
        /// Datagrams that left for the network.
        pub sent: u64,
        /// Their bytes.
        pub sent_bytes: u64,
        /// Datagrams that came to the socket, with those that it then had to drop.
        pub received: u64,
        /// Their bytes.
        pub received_bytes: u64,
        /// Of those received, datagrams that found the socket's queue full.
        pub overflowed: u64,
        /// Of those received, datagrams for which UDP had no memory.
        pub starved: u64,
        /// Datagrams that were dropped at the socket for another reason, such as a filter or a policy.
        pub failed: u64,
    }

    /// What was missed of UDP; each number would be 0 in a better world.
    pub struct UdpLosses as "losses" {
        /// Times that something was counted as `other` because there was no room for a series more.
        pub series: u64,
        /// Times that something was counted as `other`, or a socket has no owner, because the kernel had no memory.
        pub owners: u64,
    }
}
