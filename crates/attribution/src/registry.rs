use std::collections::HashMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::container::Container;
use crate::kubernetes::KubernetesPod;
use crate::living::Living;

/// The control group of a container, or one below.
#[derive(Clone, Debug)]
pub struct ContainerGroup {
    /// The container.
    pub container: Container,
    /// The folder that stands for the group.
    pub folder: PathBuf,
}

/// What the machine calls what is on it, whenever it is asked. What it does not tell is empty.
pub trait Registry: Debug {
    /// Names of network namespaces, by inode.
    fn namespaces(&self) -> HashMap<u32, String>;

    /// Groups of containers, by inode.
    fn groups(&self) -> HashMap<u64, ContainerGroup>;

    /// Containers on control groups of version 1, by network namespace.
    fn legacy(&self) -> HashMap<u32, Container>;

    /// Pods of Kubernetes, by uid.
    fn pods(&self) -> HashMap<String, KubernetesPod>;

    /// The number of a process in the group with this folder; none if none is left.
    fn process_in(&self, group: &Path) -> Option<String>;

    /// What the network namespace of a process answers to beyond itself.
    fn addresses(&self, process: &str) -> Vec<IpAddr>;

    /// What exists.
    fn living(&self) -> Living;
}

#[cfg(test)]
pub mod tests;
