//! The monitor that stays: who is who, the live tools' lines, and the exporter.
//!
//! In: what the probe saw. Out: lines of text, JSON or CSV, and metrics. This room loads no program itself, and prints
//! nothing: the door does.

mod datagrams;
mod dropped;
mod export;
mod filter;
mod flow;
mod metric;
mod serve;
mod table;
mod tool;
mod who;

pub use datagrams::{Datagrams, UDP, udp_line};
pub use dropped::{DROPS, drop_line};
pub use filter::Filter;
pub use flow::Flow;
pub use serve::{ServeError, Witnesses, serve};
pub use table::{Column, Form, Line, Printer};
pub use tool::{Tool, histogram};
pub use who::{Namer, Who};
