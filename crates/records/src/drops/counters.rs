counters! {
    /// What the drop witness missed. All counters are 0 if it missed nothing.
    pub struct DropLosses as "losses" {
        /// Drop events lost because the ring was full. No other counter misses these drops.
        pub events: u64,
        /// Times that a drop was counted as other because the map of series was full.
        pub series: u64,
        /// Sockets whose owner could not be stored for lack of kernel memory.
        pub owners: u64,
    }
}
