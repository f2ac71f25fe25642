//! Labs that stand: real namespaces, real rules, real Envoy.

mod cgroups;
mod command;
mod life;
mod mesh;
mod truth;
