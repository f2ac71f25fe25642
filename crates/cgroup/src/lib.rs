//! How a host arranges its control groups: one v2 tree, v1 controllers, or both.
//!
//! In: the text of `/proc/self/mountinfo`. Out: a [`Layout`], the trees that tell CPU time and memory and that limit them.
//! This room never opens a file: who makes groups and who meters them share one answer.

mod layout;

pub use layout::{CgroupMode, Layout, NoCgroups};
