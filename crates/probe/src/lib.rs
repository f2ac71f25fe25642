//! The witness in the kernel: who talks to whom over TCP, how much and how well, exactly, with no program on the way of a
//! packet. The witnesses of DNS, [`Dns`], and of datagrams, [`Udp`], are on that way and stand apart.
//!
//! In: nothing but the right to load programs. Out: counters that only grow, snapshots of what is open, and a live feed of
//! what happens. This room knows no pod and no metric's name, formats nothing, and clears a counter only where it can grow no more.
//!
//! # How it works
//!
//! Walks over the map (`every.h`) read what the kernel counts per socket (`snapshot.h`): `tell_all` adds what is new
//! to series, `write_all` writes sockets out; the last is at the close, under the socket's lock, and exact
//! (`reading.h` has the formulas). Bytes sent are those on the wire: acknowledged or in flight. An opening reaches
//! its series at the first reading or the end. Older sockets get a baseline (`seed.h`): from the files of processes,
//! then from the TCP table of each network namespace, as `ss` has it listed; `iter/tcp` has the kernel free requests
//! too early. Who has spent a SYN is the client (`adopt.h`). A story's lock is held where it ends and where something
//! is told of it: what was read at its address before counts only if it has not ended since. Programs whose
//! tracepoint the kernel's BTF lacks are left out before loading. `event.bpf.c` is the tier below Linux 5.13 (opens,
//! retransmits, resets); `drops` there forgoes owners. From Linux 6.1 on hash maps take memory as they fill
//! (`object.rs`).

mod cost;
mod dns;
mod drops;
mod error;
mod feed;
mod gap;
mod group;
pub mod netlink;
mod object;
mod reason;
mod statistics;
mod symbols;
mod tcp;
mod udp;
mod witness;

pub use cost::Costs;
pub use dns::{Dns, DnsOptions, Queries};
pub use drops::{Drops, Packets, Reported};
pub use error::{ProbeError, is_in_user_namespace, lacking};
pub use feed::Feed;
pub use gap::Gap;
pub use tcp::{Events, SOCKETS_MAX, Snapshots, Tcp, TellsConnections};
pub use udp::{Datagrams, Ports, Udp};
pub use witness::{Source, SourceSeries, Witness};
