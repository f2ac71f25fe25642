//! Where an application stands: the host ground. Each arm is a node of its own, a network namespace with bridge,
//! gateway, cluster DNS and service addresses; each pod has network, mount and PID namespaces and its control groups.
//!
//! In: a [`Blueprint`] (topology, arms, programs). Out: a [`Lab`] whose pods are ready, and which is gone without a
//! trace once it is dropped. This room never knows what it runs: programs come from outside. It never measures.

mod authority;
mod blueprint;
mod dns;
mod error;
mod files;
mod folder;
mod gateway;
mod health;
mod injection;
mod kubelet;
mod limits;
mod link;
mod mark;
#[expect(unsafe_code, reason = "entering namespaces between fork and exec")]
mod namespace;
mod network;
mod node;
mod order;
mod pause;
mod place;
mod pod;
mod process;
mod proxy;
mod raise;
mod readiness;
mod restart;
mod routed;
mod rules;
mod sidecar;
mod site;
mod stand;
mod stop;
mod trees;
mod view;

pub use blueprint::{Blueprint, Role};
pub use dns::{Zone, serve_dns};
pub use error::LabError;
pub use files::write_anew;
pub use health::agent_bytes;
pub use kubelet::{ChecksMade, HealthCheck, serve_probes};
pub use mark::{Claim, Leftover, claim, leftovers, remove};
pub use namespace::{NetNs, rehearse_root};
pub use node::Node;
pub use pause::hold;
pub use pod::{Ending, Pod};
pub use process::{PATH, Process, Program};
pub use stand::{Lab, stand_up};
pub use stop::Stop;
pub use trees::Trees;
pub use view::is_hidden;
