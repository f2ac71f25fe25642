//! Labs that stand: real namespaces, real rules, real Envoy.

mod command;
mod life;
mod mesh;
mod truth;
