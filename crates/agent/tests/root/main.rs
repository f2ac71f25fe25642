//! The agent and the screens of the live tools on a real machine: who is who, under whose user, read by whom. These need root.

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
