//! The agent, which monitors a machine all the time: this machine's names, its tables of translated connections, and
//! the metrics endpoint.
//!
//! In: witnesses that are loaded. Out: metrics, scraped and pushed. `attribution` decides what names and figures mean.
//! This room loads no program itself and prints nothing: the door does.
//!
//! # Translated connections, and scrapes
//!
//! The kernel requires CAP_NET_ADMIN for every reading of its tables of translated connections. `role keeper` keeps
//! that capability and the open tables: those of its own network namespace and of the namespaces that had names at its
//! start. It starts `role conntrack`, the reader, again whenever that ends. If the keeper ends, the reader takes its
//! place. The reader reads its own namespace's table at each scrape, and the others once a minute.
//!
//! Whatever takes a privilege is opened before [`give_up_privileges`]. Afterwards, reading needs descriptors only.
//!
//! Answers to scrapes are held compressed. Scrapers that ask while a reading is in progress share the next reading.

mod address;
mod clock;
mod conntrack;
mod cost;
mod encoding;
mod folders;
mod guard;
mod host;
mod kubernetes;
mod legacy;
mod living;
mod privilege;
mod push;
mod serve;
mod witnesses;

pub use clock::{clock, now};
pub use conntrack::{Conntrack, Opened, TableError, keep_tables, seen_tables, tell_tables};
pub use guard::{Guard, GuardError, GuardFiles, TlsFiles};
pub use host::ThisHost;
pub use living::{sees_what_ends, tells_processes_as_the_kernel};
pub use privilege::{PrivilegeError, Privileges, give_up_privileges};
pub use push::{Notice, Push, PushError, PushProtocol};
pub use serve::{ScrapeOrder, ServeError, Serving, listen, serve};
pub use witnesses::Witnesses;
