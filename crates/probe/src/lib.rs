//! The witness in the kernel: who talks to whom over TCP, how much and how well, exactly, with no program on the way of a
//! packet.
//!
//! In: nothing but the right to load programs. Out: counters that only grow, snapshots of what is open, and a live feed of
//! what happens. This room knows no pod and no metric's name, formats nothing, and never clears a counter.

mod connection;
mod dropped;
mod drops;
mod error;
mod feed;
mod group;
mod object;
mod probe;
mod reason;
mod record;
mod series;
mod symbols;
mod udp;

pub use connection::{Connection, Flags, Kind, Role, State};
pub use dropped::{DropKey, DropLosses, Dropped};
pub use drops::{Drops, Told};
pub use error::ProbeError;
pub use feed::Feed;
pub use probe::{Gap, Probe};
pub use series::{Key, Losses, RTT_BOUNDS_US, Series};
pub use udp::{Ports, Udp, UdpKey, UdpLosses, UdpRole, UdpSeries};
