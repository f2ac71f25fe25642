//! The monitor that stays: who is who, the live tools' lines, and the exporter.
//!
//! In: what the probe saw. Out: lines of text, JSON or CSV, and metrics. This room loads no program itself, and prints
//! nothing: the door does.

mod address;
mod beyond;
mod clock;
mod conntrack;
mod container;
mod cost;
mod datagrams;
mod directory;
mod dropped;
mod encoding;
mod export;
mod filter;
mod flow;
mod grouping;
mod guard;
mod kubernetes;
mod label;
mod ledger;
mod legacy;
mod link;
mod living;
mod metric;
mod namer;
mod own;
mod peer;
mod place;
mod privilege;
mod push;
mod query;
mod reading;
mod screen;
mod serve;
mod table;
mod tool;
mod totals;
mod translation;
mod visible;
mod who;
mod witnesses;
mod workload;

pub use clock::Clock;
pub use conntrack::{Conntrack, Opened, TableError, keep_tables, seen_tables, tell_tables};
pub use container::Container;
pub use datagrams::{Datagrams, UDP, udp_line};
pub use directory::{Directory, Names};
pub use dropped::{DROPS, drop_line};
pub use filter::Filter;
pub use flow::Flow;
pub use guard::{Guard, GuardError, GuardFiles, TlsFiles};
pub use kubernetes::Pod;
pub use ledger::{Bounds, sees_what_ends};
pub use living::tells_processes_as_the_kernel;
pub use namer::Namer;
pub use privilege::{PrivilegeError, Privileges, give_up_privileges};
pub use push::{Notice, Protocol, Push, PushError};
pub use query::{QUERY_COLUMNS, query_line};
pub use screen::{Ink, KEYS, Key, Look, Next, Row, Screen};
pub use serve::{Order, ServeError, Service, listen, serve};
pub use table::{Column, Form, Line, Printer};
pub use tool::{Tool, histogram};
pub use visible::{is_hidden, visible};
pub use who::Who;
pub use witnesses::Witnesses;
