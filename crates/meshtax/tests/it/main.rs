//! Tests through the doors that users use: the command line, and on a real kernel with a real Envoy.
//!
//! - `house`: the walls between the rooms, held by reading the source.
//! - `cli`: arguments, files, messages and exit statuses; needs no privilege.
//! - `root`: labs that stand. These need root and what `make setup` installs, and fail without either.

mod cli;
mod house;
mod recorded;
mod root;
mod tool;
