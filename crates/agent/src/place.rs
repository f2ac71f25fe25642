use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Instant;

use probe::{Connection, Role};

use crate::who::Namer;

/// Command of a sidecar's proxy; where it listens beside an application, Istio's metrics come from it.
const PROXY: &str = "envoy";

/// What is known of addresses and namespaces from the sockets in them, now and a while ago.
#[derive(Debug, Default)]
pub struct Places {
    /// By network and address.
    owners: HashMap<(String, IpAddr), Seen<Option<String>>>,
    meshed: HashMap<u32, Seen<()>>,
}

#[derive(Debug)]
struct Seen<T> {
    what: T,
    at: Instant,
}

impl Places {
    /// Learns from what is open now.
    pub fn learn(&mut self, connections: &[Connection], namer: &mut Namer, at: Instant) {
        let mut learned = HashSet::new();
        for connection in connections {
            if connection.role == Role::Listener && connection.comm == PROXY {
                self.meshed.insert(connection.netns, Seen { what: (), at });
            }
            let address = connection.local.ip();
            let (netns, cgroup, comm) = (connection.netns, connection.cgroup, &*connection.comm);
            let is_told = !address.is_loopback() && !address.is_unspecified();
            if is_told && learned.insert((netns, cgroup, comm, address)) {
                let network = namer.who(netns, cgroup).network;
                let name = name_of(netns, cgroup, comm, namer);
                self.own((network, address), name, at);
            }
        }
    }

    /// An address whose owners of now have several names has none; a new owner takes it from a former one.
    fn own(&mut self, address: (String, IpAddr), name: String, at: Instant) {
        let owner = self.owners.entry(address).or_insert_with(|| Seen { what: Some(name.clone()), at });
        let is_same = owner.what.as_ref().is_some_and(|known| *known == name);
        owner.what = if is_same || owner.at < at { Some(name) } else { None };
        owner.at = at;
    }

    /// Forgets what was not seen since then.
    pub fn forget(&mut self, since: Instant) {
        self.owners.retain(|_, seen| seen.at > since);
        self.meshed.retain(|_, seen| seen.at > since);
    }

    /// Who owns an address of a network on this machine; none if nobody or several do.
    pub fn owner(&self, network: &str, address: IpAddr) -> Option<String> {
        self.owners.get(&(network.to_owned(), address))?.what.clone()
    }

    /// Whether a sidecar's proxy listens in a network namespace.
    pub fn is_meshed(&self, netns: u32) -> bool {
        self.meshed.contains_key(&netns)
    }
}

/// A pod, or on a plain host the process.
pub fn name_of(netns: u32, cgroup: u64, comm: &str, namer: &mut Namer) -> String {
    let pod = namer.who(netns, cgroup).pod;
    if pod.is_empty() { comm.to_owned() } else { pod }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_address_has_the_name_of_its_one_owner_until_it_is_forgotten() {
        let (begin, later) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
        let mut places = Places::default();
        let own = |places: &mut Places, name: &str, at| {
            places.own((String::new(), address), name.to_owned(), at);
            places.owner("", address)
        };
        assert_eq!(own(&mut places, "web", begin).as_deref(), Some("web"));
        assert_eq!(own(&mut places, "web", begin).as_deref(), Some("web"));
        assert_eq!(own(&mut places, "shop", begin), None, "two at once");
        assert_eq!(own(&mut places, "web", begin), None);
        assert_eq!(own(&mut places, "shop", later).as_deref(), Some("shop"), "one after the other");
        assert_eq!(places.owner("another network", address), None);
        places.forget(later);
        assert_eq!(places.owner("", address), None);
    }
}
