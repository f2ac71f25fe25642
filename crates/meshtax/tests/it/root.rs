//! Labs that stand: real namespaces, real rules, real Envoy.

mod cgroups;
mod command;
mod dns;
mod html;
mod life;
mod mesh;
mod numbers;
mod truth;
mod witness;
