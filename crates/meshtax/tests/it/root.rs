//! Labs that stand: real namespaces, real rules, real Envoy.

mod cgroups;
mod command;
mod dns;
mod gateway;
mod html;
mod life;
mod lookups;
mod mesh;
mod network;
mod numbers;
mod study;
mod truth;
mod witness;
