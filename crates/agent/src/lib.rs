//! The monitor that stays: this machine's names, its tables of translated connections, and the exporter.
//!
//! In: witnesses that are loaded. Out: metrics, served and pushed. What names and figures mean is for `attribution` to say. This
//! room loads no program itself, and prints nothing: the door does.
//!
//! # Translated connections, and scrapes
//!
//! The kernel wants CAP_NET_ADMIN of whoever asks for its tables of translated connections, each time: `role keeper`
//! keeps that, and tables (its own network namespace's, and those of others named at its start), for `role
//! conntrack`, which it starts again and which keeps them if it ends; the reader reads the own table at each scrape,
//! those of others once a minute. Scrapes are held packed; who asks during a reading shares the next.

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
