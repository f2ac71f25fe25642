//! Tests that need no privilege.
//!
//! - `house`: the walls between the rooms, checked by reading the source.
//! - `cli`: arguments, files, messages and exit statuses.

mod cli;
mod house;
mod recorded;
