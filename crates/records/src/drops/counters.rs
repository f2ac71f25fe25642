counters! {
    /// What was missed of drops; each number would be 0 in a better world.
    pub struct DropLosses as "losses" {
        /// Events that found the ring full; no counter misses them.
        pub events: u64,
        /// Times that a drop was counted as `other` because there was no room for a series more.
        pub series: u64,
        /// Sockets whose owner the kernel had no memory to note.
        pub owners: u64,
    }
}
