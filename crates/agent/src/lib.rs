//! The monitor that stays: who is who, the live tools' lines, and the exporter.
//!
//! In: what the probe saw. Out: lines of text, JSON or CSV, and metrics. This room loads no program itself, and prints
//! nothing: the door does.

mod export;
mod filter;
mod flow;
mod metric;
mod query;
mod serve;
mod table;
mod tool;
mod who;

pub use filter::Filter;
pub use flow::Flow;
pub use query::{QUERY_COLUMNS, query_line};
pub use serve::{ServeError, Witnesses, serve};
pub use table::{Column, Form, Line, Printer};
pub use tool::{Tool, histogram};
pub use who::{Namer, Who};
