//! Tests that need no privilege.
//!
//! - `house`: the walls between the rooms, checked by reading the source.
//! - `cli`: arguments, files, messages and exit statuses.
//! - `docs`: README.md and docs/, their links, commands and sentences.

mod cli;
mod docs;
mod house;
mod recorded;
