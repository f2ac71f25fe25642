//! Labs that stand: real namespaces, real rules, real Envoy.

mod cgroups;
mod command;
mod dns;
mod faults;
mod gateway;
mod guards;
mod health;
mod html;
pub mod life;
mod limits;
mod lookups;
mod mesh;
mod network;
mod numbers;
mod options;
mod proxies;
mod study;
mod truth;
mod unit;
mod witness;
