//! The agent and the screens of the live tools on a real machine: names, users, privileges and scrapers. These tests
//! need root.

mod beside;
mod crowd;
mod door;
mod filters;
mod hostile;
mod istio;
mod nat;
mod otlp;
mod output;
mod peers;
mod privilege;
mod prometheus;
mod screen;
mod terminal;
mod unit;
