//! Labs that stand: real namespaces, real rules, real Envoy, and nothing of them afterwards. These need root and Envoy.

mod behaviour;
mod cgroups;
mod command;
mod files;
mod foreign;
mod gateway;
mod health;
mod life;
mod limits;
mod lookups;
mod mesh;
mod network;
mod options;
mod proxies;
mod readiness;
mod tools;
