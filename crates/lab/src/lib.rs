//! Where an application stands: the host ground. Each arm is a node of its own, a network namespace with bridge,
//! gateway, cluster DNS and service addresses; each pod has network, mount and PID namespaces and its control groups.
//!
//! In: a [`Blueprint`] (topology, arms, programs). Out: a [`Lab`] whose pods are ready, and which is gone without a
//! trace once it is dropped. This room never knows what it runs: programs come from outside. It never measures.
//!
//! # How a lab stands
//!
//! Each arm is a **node**: a network namespace with the gateway's address and `meshtax role dns` on 10.96.0.10. Pods hang
//! on a bridge (`mtbr0`), or with `network: routed` on a link and a route each (`routed.rs`). Nodes are not connected to
//! anything, so all of them use the same addresses. nftables rules spread service addresses over pods
//! (`ground::kube_proxy`). `net.bridge.bridge-nf-call-iptables` has answers between pods of one bridge translated.
//!
//! A **pod** is a network namespace with `eth0`, and `meshtax role pause` as process 1 of new mount, PID, IPC and UTS
//! namespaces. When that process ends, the kernel ends the pod. The pod's root is an overlay on the host's (`view.rs`).
//! The pod's folder of the run (`planes/<arm>/<pod>`) is mounted at `/run/meshtax`, so Envoy finds its files wherever
//! the run folder lies. User 1337, the proxy's, owns that folder. Containers (`app`, `proxy`) join the pod's namespaces,
//! with a control group each.
//!
//! Beside each Envoy runs `meshtax role pilot`, in the proxy's control group and under its user. It answers readiness on
//! 15021, and probes and metrics on 15020. `meshtax role kubelet` asks the pods from the node's namespace, in a control
//! group of the node, and starts once everything is ready. `probes.jsonl` says how often it asked in each block.
//!
//! With `gateway: ingress` a node has one more pod, `istio-ingressgateway`. The node's rules lead to it what the client
//! sends to an `http` service. So the client asks for the same name as in other arms, and is outside the mesh.
//!
//! A user's own proxy (`plane::Plane::Proxy`) runs in container `proxy` (`proxy.rs`). `plane` renders its templates, and
//! `ground::rehearse` renders them for every pod before anything starts.
//!
//! Faults are `ground::Injection`s: rules before all others in the callee's pod, a name that the arm's DNS hides, or a
//! service that stops accepting.
//!
//! meshtax's own programs in pods are this binary in hidden roles. They take orders as lines on standard input, until that
//! closes, and answer with lines on standard output. The first answer is `{"ready":true}`. Readiness is a signal:
//! that answer, a probe of the `ready` path or port of a user's program, or what pilot-agent asks Envoy.

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
