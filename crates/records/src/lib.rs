//! Records that the BPF programs write: counters and their keys, events, and sockets at an instant.
//!
//! In: bytes, laid out as in the programs' C. Out: values. Each counter is declared here, and `probe` makes its C from
//! that. This room loads no program, reads no map, and knows no pod and no metric's name.

#[macro_use]
mod counters;

mod connection;
mod cost;
mod dns;
mod drops;
mod layout;
mod state;
mod tcp;
mod transport;
mod udp;

use std::fmt::Debug;
use std::hash::Hash;

pub use connection::{Connection, ConnectionRole, EventKind, Flags};
pub use cost::{MapFill, ProgramCost};
pub use counters::{Counter, Counters};
pub use dns::{DnsKey, DnsLosses, DnsSeries, LATENCY_BOUNDS, Query, Rcode, type_name};
pub use drops::{DropKey, DropLosses, DropReason, Dropped, KernelNames};
pub use state::State;
pub use tcp::{RTT_BOUNDS_US, TcpKey, TcpLosses, TcpSeries};
pub use transport::Transport;
pub use udp::{UdpKey, UdpLosses, UdpRole, UdpSeries};

/// The key of a witness's counters.
pub trait CounterKey: Clone + Debug + Eq + Hash + 'static {
    /// Returns whether this is an overflow key, which stands for everything that found no room.
    fn is_other(&self) -> bool;

    /// Returns the overflow keys, as the programs write them.
    fn others() -> Vec<Vec<u8>>;
}
