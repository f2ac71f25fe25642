//! Attribution: who each socket belongs to, and how what the kernel counted is named, summed and printed.
//!
//! In: what the BPF programs wrote, and the machine's names ([`Registry`]). Out: lines of text, JSON or CSV, a screen,
//! and metrics. Times are durations since an instant that the caller chooses once. This room opens no file, reads no
//! clock, loads no program and prints nothing.
//!
//! # How sums never fall
//!
//! The [`Ledger`] has an account for each witness. At each reading, what is new of a series is added to sums by label,
//! so no counter falls when a name changes or a socket ends. What finds no room is added to `other`.

mod account;
mod clock;
mod container;
mod cost;
mod datagrams;
mod directory;
mod dropped;
mod export;
mod filter;
mod flow;
mod happening;
mod kubernetes;
mod label;
mod ledger;
mod link;
mod listener;
mod living;
mod metric;
mod namer;
mod own;
mod peer;
mod place;
mod query;
mod registry;
mod scrape;
mod screen;
mod table;
mod tool;
mod totals;
mod translation;
mod visible;
mod who;
mod workload;

pub use account::{Accounted, Counting, ReadError};
pub use clock::Clock;
pub use container::Container;
pub use cost::Cost;
pub use datagrams::DatagramFlow;
pub use directory::{Directory, Names};
pub use export::families;
pub use filter::Filter;
pub use flow::Flow;
pub use happening::Happening;
pub use kubernetes::KubernetesPod;
pub use label::Labels;
pub use ledger::{Bounds, Ledger};
pub use living::{Living, ROOT_GROUP};
pub use metric::{Exposition, Family, MetricKind, SampleValue, pieces};
pub use namer::Namer;
pub use registry::{ContainerGroup, Registry};
pub use scrape::Scrape;
pub use screen::{Ink, KEYS, Keystroke, Next, Row, Screen, ScreenLook};
pub use table::{Column, Line, LineForm, Printer};
pub use tool::{Tool, histogram};
pub use translation::{TRANSLATIONS_MAX, Translated, Translation};
pub use visible::visible;
pub use who::{ServiceVersion, Who};
