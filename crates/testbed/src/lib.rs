//! What the root tests of several rooms share: the program under test, labs to stand in, network namespaces with a load
//! in them, live tools that are watched, what a lab left behind, and the documents that show commands.
//!
//! - In: a test's wishes.
//! - Out: facts, seen without asking the program under test wherever they tell of it.
//! - Never: anything that ships. Rooms name this crate among their dev-dependencies only.
//!
//! Everything here panics when the machine does not do what a test needs: a test that cannot run must fail.

mod dns;
mod document;
mod group;
mod host;
mod kept;
mod namespace;
mod refusal;
mod run;
mod scrape;
mod tool;
mod traffic;
mod truth;
mod turn;
mod watching;

pub use dns::{A, AAAA, DELAY, HTTPS, Server, ask, framed, query, take};
pub use document::{Document, LineKind, ShownCommand, root};
pub use group::Group;
pub use host::{Host, marks};
pub use kept::Kept;
pub use namespace::{EXCHANGE, Namespace};
pub use refusal::refuses;
pub use run::Run;
pub use scrape::{of_clients, own_service, sample, scrape};
pub use tool::{binary, echo, meshtax, script, words};
pub use traffic::{Moved, Open, Peer, V4, V6};
pub use truth::{Truth, number, told, truth};
pub use turn::{insist_on_being_alone, insist_on_root};
pub use watching::Watching;
