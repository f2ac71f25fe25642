//! The witness in the kernel: who talks to whom over TCP, how much and how well, exactly, with no program on the way of a
//! packet. The witnesses of DNS, [`Dns`], and of datagrams, [`Udp`], are on that way and stand apart.
//!
//! In: nothing but the right to load programs. Out: counters that only grow, snapshots of what is open, and a live feed of
//! what happens. This room knows no pod and no metric's name, formats nothing, and clears a counter only where it can grow no more.

mod connection;
mod cost;
pub mod dns;
mod dropped;
mod drops;
mod error;
mod feed;
mod group;
pub mod netlink;
mod object;
mod probe;
mod reason;
mod record;
mod series;
mod statistics;
mod symbols;
mod udp;

pub use connection::{Connection, Flags, Kind, Role, State};
pub use cost::{Costs, MapFill, ProgramCost};
pub use dns::{Dns, DnsOptions};
pub use dropped::{DropKey, DropLosses, Dropped};
pub use drops::{Drops, Told};
pub use error::{ProbeError, is_in_user_namespace, lacking};
pub use feed::Feed;
pub use probe::{Events, Gap, Probe, SOCKETS_MAX, Snapshots};
pub use series::{Key, Losses, RTT_BOUNDS_US, Series};
pub use udp::{Ports, Udp, UdpKey, UdpLosses, UdpRole, UdpSeries};
