//! What the root tests of several rooms share: the program under test, labs, network namespaces with traffic, live
//! tools that are watched, leftovers of labs, and the documents that show commands.
//!
//! - In: what a test asks for.
//! - Out: facts, found without the program under test where they are about it.
//! - Never: anything that ships. Rooms name this crate only as a dev-dependency.
//!
//! Everything here panics if the machine does not do what a test needs: a test that cannot run must fail.

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
