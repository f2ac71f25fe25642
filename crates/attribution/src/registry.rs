use std::collections::HashMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::container::Container;
use crate::kubernetes::KubernetesPod;
use crate::living::Living;

/// The control group of a container, or a group below it.
#[derive(Clone, Debug)]
pub struct ContainerGroup {
    /// The container that the group belongs to.
    pub container: Container,
    /// The group's folder in the cgroup file system.
    pub folder: PathBuf,
}

/// The machine's own names for what runs on it. What the machine does not tell is left out of the answers.
pub trait Registry: Debug {
    /// Returns the names of network namespaces, by inode.
    fn namespaces(&self) -> HashMap<u32, String>;

    /// Returns the control groups of containers, by inode.
    fn groups(&self) -> HashMap<u64, ContainerGroup>;

    /// Returns containers on cgroup v1, by network namespace.
    fn legacy(&self) -> HashMap<u32, Container>;

    /// Returns the Kubernetes pods, by uid.
    fn pods(&self) -> HashMap<String, KubernetesPod>;

    /// Returns the process id of one process in the group with this folder; `None` if the group is empty.
    fn process_in(&self, group: &Path) -> Option<String>;

    /// Returns the addresses of a process's network namespace, without loopback ones.
    fn addresses(&self, process: &str) -> Vec<IpAddr>;

    /// Returns the network namespaces and control groups that exist.
    fn living(&self) -> Living;
}

#[cfg(test)]
pub mod tests;
