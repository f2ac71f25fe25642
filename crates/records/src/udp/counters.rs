counters! {
    /// Counters of UDP datagrams since the programs were loaded. Bytes are payload.
    pub struct UdpSeries as "series" {
        /// UDP datagrams sent to the network.
        pub sent: u64,
        /// Payload bytes in UDP datagrams sent.
        pub sent_bytes: u64,
        /// UDP datagrams that reached the socket, including those dropped there.
        pub received: u64,
        /// Payload bytes in UDP datagrams that reached the socket.
        pub received_bytes: u64,
        /// UDP datagrams received but dropped because the socket queue was full.
        pub overflowed: u64,
        /// UDP datagrams received but dropped because UDP had no memory.
        pub starved: u64,
        /// UDP datagrams dropped at the socket for another reason, such as a filter or a policy.
        pub failed: u64,
    }

    /// What the UDP witness missed. All counters are 0 if it missed nothing.
    pub struct UdpLosses as "losses" {
        /// Times that something was counted as other because the map of series was full.
        pub series: u64,
        /// Times that something was counted as other or a socket has no owner, for lack of kernel memory.
        pub owners: u64,
    }
}
