use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use records::{Connection, ConnectionRole, Transport};

use crate::namer::Namer;
use crate::peer::{Peer, PeerService};
use crate::translation::Translation;
use crate::translation::Translations;

/// Process name of a sidecar's proxy.
const PROXY: &str = "envoy";

/// Port at which a sidecar's proxy takes its pod's inbound connections.
const INBOUND: u16 = 15006;

/// Ports at which a sidecar's proxy takes outbound and inbound connections. A proxy that listens at both is a sidecar,
/// which exports Istio's metrics. Any other proxy is treated like any program.
const REDIRECTED: [u16; 2] = [15001, INBOUND];

/// What is known of addresses and namespaces, from sockets that are open or were until recently.
#[derive(Debug, Default)]
pub struct Places {
    /// Owners of addresses, by network and address.
    owners: Owners<(String, IpAddr), Arc<Peer>>,
    /// Network namespaces of addresses, by network and address.
    homes: Owners<(String, IpAddr), u32>,
    /// Listening peers, by network namespace and port.
    listeners: Owners<(u32, u16), Arc<Peer>>,
    meshed: HashMap<u32, Duration>,
    translations: Translations,
}

/// Location of a socket.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Network in which the socket's addresses are unique.
    pub network: &'a str,
    /// The socket's network namespace.
    pub netns: u32,
    pub transport: Transport,
}

impl Places {
    /// Learns from the sockets that are open now.
    pub fn learn(&mut self, connections: &[Connection], namer: &mut Namer, at: Duration) {
        for (netns, address) in namer.addresses() {
            let network = namer.who(netns, 0).network;
            self.homes.own((network.clone(), address), netns, at);
            self.owners.own((network, address), namer.peer(netns, 0, ""), at);
        }
        let mut learned = HashSet::new();
        let mut redirected: HashSet<(u32, u16)> = HashSet::new();
        for connection in connections {
            let Connection { netns, cgroup, comm, local, .. } = connection;
            if connection.role == ConnectionRole::Listener {
                self.listeners.own((*netns, local.port()), namer.peer(*netns, *cgroup, comm), at);
                if comm == PROXY && REDIRECTED.contains(&local.port()) {
                    redirected.insert((*netns, local.port()));
                }
            }
            let address = local.ip();
            let is_told = !address.is_loopback() && !address.is_unspecified();
            if is_told && learned.insert((*netns, *cgroup, &**comm, address)) {
                let network = namer.who(*netns, *cgroup).network;
                self.homes.own((network.clone(), address), *netns, at);
                self.owners.own((network, address), namer.peer(*netns, *cgroup, comm), at);
            }
        }
        let sidecars = redirected.iter().map(|(netns, _)| *netns);
        let is_sidecar = |netns: &u32| REDIRECTED.iter().all(|port| redirected.contains(&(*netns, *port)));
        self.meshed.extend(sidecars.filter(is_sidecar).map(|netns| (netns, at)));
    }

    /// Learns what translated addresses stand for. Call it after [`Places::learn`], which says who owns an address.
    pub fn learn_translations(&mut self, told: &[Translation], namer: &mut Namer, at: Duration) {
        for translation in told {
            let network = namer.who(translation.netns, 0).network;
            let answers = self.owner(&network, translation.backend.ip());
            self.translations.learn(&network, translation, answers.as_deref(), at);
        }
    }

    /// Forgets what was last seen at or before `since`.
    pub fn forget(&mut self, since: Duration) {
        self.owners.forget(since);
        self.homes.forget(since);
        self.listeners.forget(since);
        self.meshed.retain(|_, at| *at > since);
        self.translations.forget(since);
    }

    /// Returns the owner of an address on this machine; `None` if nobody or several peers have it.
    pub fn owner(&self, network: &str, address: IpAddr) -> Option<Arc<Peer>> {
        self.owners.only(&(network.to_owned(), address)).cloned()
    }

    /// Returns the server that a client reaches at `remote`, and the service that it calls. The server is `None` if it
    /// is not known or not always the same.
    pub fn called(&self, client: Place<'_>, remote: SocketAddr) -> (Option<Arc<Peer>>, PeerService) {
        let Place { network, transport, .. } = client;
        if !self.translations.translates(network, transport, remote) {
            let server = self.server(client, remote);
            let at_port = |peer: &Arc<Peer>| peer.service().unwrap_or_else(|| peer.at_port(remote.port()));
            let service = server.as_ref().map_or_else(|| PeerService::at(remote), at_port);
            return (server, service);
        }
        let service = self.translations.service(network, transport, remote).cloned();
        let backends = self.translations.backends(network, transport, remote);
        (self.one_server(client, &backends), service.unwrap_or_else(|| PeerService::at(remote)))
    }

    /// Returns the peer that listens at all of these addresses, if it is the same everywhere: copies of a pod have one
    /// name. Loopback addresses have no answer, because a sidecar redirects to them and the real server is further on.
    fn one_server(&self, client: Place<'_>, addresses: &[SocketAddr]) -> Option<Arc<Peer>> {
        let at = |address: &SocketAddr| self.server(client, *address).filter(|_| !address.ip().is_loopback());
        let (first, others) = addresses.split_first()?;
        let server = at(first)?;
        others.iter().all(|address| at(address).as_ref() == Some(&server)).then_some(server)
    }

    /// Returns the peer that listens at an address as seen from the client's place, or else the owner of the address.
    fn server(&self, client: Place<'_>, address: SocketAddr) -> Option<Arc<Peer>> {
        let key = (client.network.to_owned(), address.ip());
        let home = if address.ip().is_loopback() { Some(client.netns) } else { self.homes.only(&key).copied() };
        let listens = |netns| self.listeners.only(&(netns, address.port()));
        let listener = home.filter(|_| client.transport == Transport::Tcp).and_then(listens);
        listener.or_else(|| self.owners.only(&key)).filter(|server| !server.is_unknown()).cloned()
    }

    /// Returns the client that calls the server `here` at its port, and the service that is called. `seen` is the
    /// client's address as the server sees it.
    pub fn asked(
        &self,
        server: Place<'_>,
        seen: IpAddr,
        here: (&Peer, u16),
        namer: &mut Namer,
    ) -> (Option<Arc<Peer>>, PeerService) {
        let Place { network, netns, transport } = server;
        let (peer, port) = here;
        // With a sidecar, clients call the service at the sidecar's inbound port. Connections to any other port come
        // from the sidecar or bypass it, so they are reported as the port alone.
        let service = if self.is_meshed(netns) && port != INBOUND { None } else { peer.service() };
        let asked = self.translations.asked(network, transport, seen, (&peer.workload, port));
        let service = service.unwrap_or_else(|| match asked {
            Some(asked) if !seen.is_loopback() => PeerService::at(asked.service),
            _ => peer.at_port(port),
        });
        let client = if seen.is_loopback() {
            // A client on the same host. In a pod that is the pod itself.
            (!namer.who(netns, 0).pod.is_empty()).then(|| namer.peer(netns, 0, ""))
        } else {
            self.owner(network, asked.map_or(seen, |asked| asked.client))
        };
        (client, service)
    }

    /// Returns how many translations found no room.
    pub fn untranslated(&self) -> u64 {
        self.translations.missed()
    }

    /// Returns whether a sidecar takes the outbound and inbound connections of a network namespace.
    pub fn is_meshed(&self, netns: u32) -> bool {
        self.meshed.contains_key(&netns)
    }
}

/// Values and when they were last seen.
#[derive(Debug)]
struct Owners<K, V>(HashMap<K, LastSeen<V>>);

#[derive(Debug)]
struct LastSeen<V> {
    /// The value; `None` if several were seen at once.
    what: Option<V>,
    at: Duration,
}

impl<K, V> Default for Owners<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, V: PartialEq> Owners<K, V> {
    /// Records a value. Two different values at the same time leave the key without an owner; a later value replaces an
    /// earlier one.
    fn own(&mut self, key: K, what: V, at: Duration) {
        match self.0.entry(key) {
            Entry::Vacant(empty) => drop(empty.insert(LastSeen { what: Some(what), at })),
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                let is_same = known.what.as_ref() == Some(&what);
                known.what = (is_same || known.at < at).then_some(what);
                known.at = at;
            }
        }
    }

    fn only(&self, key: &K) -> Option<&V> {
        self.0.get(key)?.what.as_ref()
    }

    fn forget(&mut self, since: Duration) {
        self.0.retain(|_, seen| seen.at > since);
    }
}

/// Returns the name of the pod, or on a plain host of the process; `unknown` if it has no name.
pub fn name_of(netns: u32, cgroup: u64, comm: &str, namer: &mut Namer) -> Arc<str> {
    Arc::clone(&namer.peer(netns, cgroup, comm).workload)
}

#[cfg(test)]
pub mod tests;
