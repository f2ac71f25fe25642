//! Labs that stand: real namespaces, real rules, real Envoy.

mod cgroups;
mod command;
mod dns;
mod html;
mod life;
mod lookups;
mod mesh;
mod numbers;
mod proxies;
mod truth;
mod witness;
