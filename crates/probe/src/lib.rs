//! The kernel witness: BPF programs that count who talks to whom over TCP, how much and how well. The counts are exact,
//! and no program runs per packet. The witnesses of DNS ([`Dns`]) and UDP ([`Udp`]) do run per packet, so they are
//! separate.
//!
//! In: nothing but the right to load programs. Out: counters that only grow, snapshots of open sockets, and a live feed
//! of events. This room knows no pod and no metric's name, formats nothing, and removes a counter only when it cannot
//! grow any more.
//!
//! # How it works
//!
//! The kernel counts bytes and segments per socket. The programs keep a story about each socket, and walks over
//! the map of stories (`every.h`) read the kernel's counts (`snapshot.h`). `tell_all` adds what is new to the series, and
//! `write_all` writes the open sockets out. The last reading is at the close, under the socket's lock, and is exact
//! (`reading.h` has the formulas). Bytes sent are bytes on the wire: acknowledged or in flight. An opening is added to
//! its series at the first reading or at the end.
//!
//! `tp_btf/inet_sock_set_state` begins and ends each story (`life.h`). Stories are in a map by the socket's address. In
//! storage of the socket's own they would cost a short connection three times as much as all programs.
//!
//! Sockets older than the programs get a baseline (`seed.h`). They are found through the files of processes, and then
//! through the TCP table of each network namespace, which `ss` lists as well. `iter/tcp` is not used, because it makes
//! the kernel free requests too early. The side that has spent a sequence number on its SYN is the client (`adopt.h`).
//!
//! A story's lock is held where the story ends and where news of it is added to a series. A reading made before counts
//! only if the story has not ended since.
//!
//! Programs whose tracepoint is missing from the kernel's BTF are left out before loading. `event.bpf.c` is for kernels
//! before 5.13: it reports opens, retransmits and resets, but no bytes. On those kernels `drops` does not record
//! owners. From Linux 6.1 on, hash maps take memory as they fill (`object.rs`).
//!
//! Each witness is a BPF object of its own in one frame (`witness.rs`). `drops` uses `tp_btf/kfree_skb`, with names of
//! reasons from the kernel's BTF. In `dns`, a query is counted by the socket that asks, and belongs to the server that
//! the program named (`asked.h`). `records` declares counters and lays records out as the C does.

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
