//! Labs that stand: real namespaces, real rules, real Envoy.

mod cgroups;
mod command;
mod dns;
mod health;
mod html;
pub mod life;
mod limits;
mod lookups;
mod mesh;
mod numbers;
mod truth;
mod witness;
