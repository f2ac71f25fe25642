//! The witness in the kernel: who talks to whom over TCP, how much and how well, exactly, with no program on the way of a
//! packet. The witnesses of DNS, [`Dns`], and of datagrams, [`Udp`], are on that way and stand apart.
//!
//! In: nothing but the right to load programs. Out: counters that only grow, snapshots of what is open, and a live feed of
//! what happens. This room knows no pod and no metric's name, formats nothing, and clears a counter only where it can grow no more.

#[macro_use]
mod counters;

mod connection;
mod cost;
pub mod dns;
mod dropped;
mod drops;
mod error;
mod feed;
mod gap;
mod group;
pub mod netlink;
mod object;
mod reason;
mod record;
mod statistics;
mod symbols;
mod tcp;
mod udp;
mod witness;

pub use connection::{Connection, Flags, Kind, Role, State};
pub use cost::{Costs, MapFill, ProgramCost};
pub use counters::{Counter, Counters};
pub use dns::{Dns, DnsOptions};
pub use dropped::{DropKey, Dropped};
pub use drops::counters::DropLosses;
pub use drops::{Drops, Packets, Told};
pub use error::{ProbeError, is_in_user_namespace, lacking};
pub use feed::Feed;
pub use gap::Gap;
pub use tcp::{Events, Key, Losses, RTT_BOUNDS_US, SOCKETS_MAX, Series, Snapshots, Tcp, TellsConnections};
pub use udp::counters::{UdpLosses, UdpSeries};
pub use udp::{Datagrams, Ports, Udp, UdpKey, UdpRole};
pub use witness::{Counted, Source, Witness};
