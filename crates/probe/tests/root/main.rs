//! The kernel witness on a real kernel: what the live tools and the agent report equals what the applications did, to
//! the byte. These tests need root.

mod baseline;
mod datagram;
mod dns;
mod drops;
mod duplex;
mod endings;
mod exact;
mod heir;
mod held;
mod leaving;
mod limits;
mod quality;
mod queues;
mod resets;
mod seeded;
mod sharing;
mod socket;
mod tcp;
mod tiers;
mod udp;
mod unknown;
