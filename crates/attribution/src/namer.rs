//! Names of network namespaces and control groups, as they come and go.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::container::Container;
use crate::kubernetes::KubernetesPod;
use crate::living::Living;
use crate::peer::Peer;
use crate::registry::{ContainerGroup, Registry};
use crate::totals::Owner;
use crate::who::{ServiceVersion, Who};

/// Number of digits of a container's id that are shown.
const SHOWN: usize = 12;

/// A Kubernetes pod's network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Home {
    uid: String,
    addresses: Vec<IpAddr>,
}

impl Home {
    /// Adds the addresses that another container of the pod has. Returns false if the container is not of this pod.
    fn merge(&mut self, other: Option<Self>) -> bool {
        let Some(other) = other.filter(|other| other.uid == self.uid) else { return false };
        self.addresses.extend(other.addresses);
        self.addresses.sort();
        self.addresses.dedup();
        true
    }
}

/// Finds names for namespaces and control groups. An unknown number triggers a new lookup, at most once per snapshot.
#[derive(Debug)]
pub struct Namer {
    registry: Box<dyn Registry>,
    namespaces: HashMap<u32, Who>,
    groups: HashMap<u64, ContainerGroup>,
    /// Kubernetes pods, by uid.
    pods: HashMap<String, KubernetesPod>,
    /// Network namespaces in which all sockets belong to one pod.
    homes: HashMap<u32, Home>,
    /// Containers on cgroup v1, by network namespace.
    legacy: HashMap<u32, Container>,
    /// Network namespaces that had a name at an earlier reading and have none now.
    former: HashSet<u32>,
    /// Peers that are still in use, each stored once.
    peers: HashSet<Arc<Peer>>,
    stale: bool,
}

impl Namer {
    /// Creates a namer that takes names from `registry`.
    pub fn new(registry: impl Registry + 'static) -> Self {
        Self {
            registry: Box::new(registry),
            namespaces: HashMap::new(),
            groups: HashMap::new(),
            pods: HashMap::new(),
            homes: HashMap::new(),
            legacy: HashMap::new(),
            former: HashSet::new(),
            peers: HashSet::new(),
            stale: true,
        }
    }

    /// Allows one more lookup of unknown numbers.
    pub fn refresh(&mut self) {
        self.stale = true;
    }

    /// Reads the names of network namespaces again, and keeps the names of namespaces that have ended. The kernel
    /// reuses namespace numbers: the numbers with a new name are returned.
    pub fn reread(&mut self) -> HashSet<u32> {
        self.stale = true;
        let named = named(&self.registry.namespaces());
        let is_new = |(netns, who): &(&u32, &Who)| self.namespaces.get(netns).is_some_and(|former| former != *who);
        let renamed = named.iter().filter(is_new).map(|(netns, _)| *netns).collect();
        self.former = self.namespaces.keys().filter(|netns| !named.contains_key(netns)).copied().collect();
        self.namespaces.extend(named);
        renamed
    }

    /// Returns whether the network namespace had a name earlier and has none now.
    pub fn is_former(&self, netns: u32) -> bool {
        self.former.contains(&netns)
    }

    /// Forgets the names of network namespaces that have ended.
    pub fn forget(&mut self, gone: impl Iterator<Item = u32>) {
        for netns in gone {
            self.namespaces.remove(&netns);
            self.homes.remove(&netns);
            self.legacy.remove(&netns);
        }
    }

    /// Returns the owner of a socket as one side of connections. `comm` is the name of the socket's process.
    pub fn peer(&mut self, netns: u32, cgroup: u64, comm: &str) -> Arc<Peer> {
        let peer = Peer::of(&self.who(netns, cgroup), comm);
        if let Some(known) = self.peers.get(&peer) {
            return Arc::clone(known);
        }
        self.peers.retain(|peer| Arc::strong_count(peer) > 1);
        let peer = Arc::new(peer);
        self.peers.insert(Arc::clone(&peer));
        peer
    }

    /// Learns which network namespaces belong to pods, and the pods' addresses. A namespace belongs to a pod if all its
    /// `open` sockets do. A namespace without open sockets belongs to the pod whose counters were `heard`.
    pub fn settle(&mut self, open: &BTreeSet<Owner>, heard: &BTreeSet<Owner>) {
        let mut homes: HashMap<u32, Option<Home>> = HashMap::new();
        for (netns, cgroup) in open {
            let home = self.home(*netns, *cgroup);
            match homes.entry(*netns) {
                Entry::Vacant(empty) => drop(empty.insert(home)),
                Entry::Occupied(mut known) => drop(known.get_mut().take_if(|known| !known.merge(home))),
            }
        }
        for (netns, cgroup) in heard {
            let home = self.home(*netns, *cgroup).filter(|home| !home.addresses.is_empty());
            if let (Entry::Vacant(empty), Some(home)) = (homes.entry(*netns), home) {
                empty.insert(Some(home));
            }
        }
        self.homes = homes.into_iter().filter_map(|(netns, home)| Some((netns, home?))).collect();
    }

    /// Returns the addresses of pods with their network namespaces.
    pub fn addresses(&self) -> Vec<(u32, IpAddr)> {
        let homes = self.homes.iter();
        homes.flat_map(|(netns, home)| home.addresses.iter().map(|address| (*netns, *address))).collect()
    }

    /// Returns the pod that a control group belongs to. The addresses come from one of the pod's processes while it
    /// lives.
    fn home(&mut self, netns: u32, cgroup: u64) -> Option<Home> {
        self.look_up(netns, cgroup);
        let group = self.groups.get(&cgroup)?;
        let uid = group.container.pod_uid.clone()?;
        let process = self.registry.process_in(&group.folder);
        let of_process = |process: String| match self.homes.get(&netns).filter(|known| known.uid == uid) {
            Some(known) if !known.addresses.is_empty() => known.addresses.clone(),
            _ => self.registry.addresses(&process),
        };
        let addresses = process.map_or_else(Vec::new, of_process);
        Some(Home { uid, addresses })
    }

    /// Looks up all names again if one is unknown and this reading has not done so yet.
    fn look_up(&mut self, netns: u32, cgroup: u64) {
        let is_known = self.namespaces.contains_key(&netns) || self.legacy.contains_key(&netns);
        if self.stale && !is_known && !self.groups.contains_key(&cgroup) {
            self.stale = false;
            self.namespaces.extend(named(&self.registry.namespaces()));
            self.groups = self.registry.groups();
            self.legacy = self.registry.legacy();
            self.pods = self.registry.pods();
        }
    }

    /// Returns what exists on this machine.
    pub fn living(&self) -> Living {
        self.registry.living()
    }

    /// Returns the owner of a socket in this network namespace and control group.
    pub fn who(&mut self, netns: u32, cgroup: u64) -> Who {
        self.look_up(netns, cgroup);
        let container = self.groups.get(&cgroup).map(|group| self.who_of_container(&group.container));
        let pod = || self.pods.get(&self.homes.get(&netns)?.uid).map(who_of_pod);
        let legacy = || self.legacy.get(&netns).map(|container| self.who_of_container(container));
        container.or_else(pod).or_else(legacy).or_else(|| self.namespaces.get(&netns).cloned()).unwrap_or_default()
    }

    fn who_of_container(&self, container: &Container) -> Who {
        let pod = container.pod_uid.as_ref().and_then(|uid| self.pods.get(uid));
        let unnamed = || Who { pod: container.id.chars().take(SHOWN).collect(), ..Who::default() };
        Who { container: Some(container.clone()), ..pod.map_or_else(unnamed, who_of_pod) }
    }
}

fn who_of_pod(pod: &KubernetesPod) -> Who {
    let KubernetesPod { namespace, name, .. } = pod;
    Who { pod: format!("{namespace}/{name}"), kubernetes: Some(pod.clone()), ..Who::default() }
}

/// Finds the owners of named network namespaces, by inode.
fn named(names: &HashMap<u32, String>) -> HashMap<u32, Who> {
    // Each arm of a lab has a namespace named `…node`. No pod has that name.
    let arms: Vec<&str> = names.values().filter_map(|name| name.strip_suffix("node")).collect();
    names.iter().map(|(inode, name)| (*inode, who_of_namespace(name, &arms))).collect()
}

/// Parses the name of a network namespace. A lab's namespace is called `meshtax-<id>-<arm>-<pod>`, and its id holds no
/// `-`.
fn who_of_namespace(name: &str, arms: &[&str]) -> Who {
    let of_lab = name.strip_prefix("meshtax-").and_then(|rest| rest.split_once('-'));
    let Some((id, pod)) = of_lab else { return Who { pod: name.to_owned(), ..Who::default() } };
    let network = arms.iter().filter(|arm| name.starts_with(*arm)).max_by_key(|arm| arm.len()).copied();
    let cluster = network.and_then(|arm| arm.strip_prefix("meshtax-")?.strip_prefix(id)?.strip_prefix('-'));
    Who {
        pod: pod.to_owned(),
        network: network.unwrap_or_default().to_owned(),
        cluster: cluster.map(|arm| arm.trim_end_matches('-').to_owned()),
        part: network.and_then(|arm| ServiceVersion::of_pod(name.strip_prefix(arm)?)),
        ..Who::default()
    }
}

#[cfg(test)]
mod tests;
