//! Names for the live tools: the pod of the local end of a connection, and the service that is called.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use records::{Connection, ConnectionRole, Transport};

use crate::namer::Namer;
use crate::peer::PeerService;
use crate::place::{Place, Places};
use crate::registry::Registry;
use crate::translation::Translation;
use crate::who::Who;

/// How long an address is remembered after its socket was last seen.
const REMEMBERED: Duration = Duration::from_secs(300);

/// Names of pods and services, learned from the sockets that are open.
#[derive(Debug)]
pub struct Directory {
    namer: Namer,
    places: Places,
}

/// The names that belong to a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The pod, container or network namespace of the local end; empty if it has no name.
    pub pod: String,
    /// The service that is called, as in the agent's `destination_service`; `None` if only its address is known.
    pub service: Option<String>,
}

impl Directory {
    /// Creates a directory that takes names from `registry`.
    pub fn new(registry: impl Registry + 'static) -> Self {
        Self { namer: Namer::new(registry), places: Places::default() }
    }

    /// Allows one more lookup of unknown names.
    pub fn refresh(&mut self) {
        self.namer.refresh();
    }

    /// Learns names and addresses from the connections that are open now.
    pub fn learn(&mut self, open: &[Connection], at: Duration) {
        self.refresh();
        let owners = open.iter().map(|connection| (connection.netns, connection.cgroup));
        self.namer.settle(&owners.collect(), &BTreeSet::new());
        self.places.learn(open, &mut self.namer, at);
        let translations = translations(open, &mut self.namer);
        self.places.learn_translations(&translations, &mut self.namer, at);
        if let Some(since) = at.checked_sub(REMEMBERED) {
            self.places.forget(since);
        }
    }

    /// Returns the names that belong to a connection.
    pub fn names(&mut self, connection: &Connection) -> Names {
        let who = self.namer.who(connection.netns, connection.cgroup);
        let service = self.service(connection, &who);
        Names { pod: who.pod, service: service.map(|service| service.host.to_string()) }
    }

    fn service(&mut self, connection: &Connection, who: &Who) -> Option<PeerService> {
        let Connection { role, netns, cgroup, comm, local, remote, .. } = connection;
        let place = Place { network: &who.network, netns: *netns, transport: Transport::Tcp };
        match role {
            ConnectionRole::Client => {
                let (_, service) = self.places.called(place, *remote);
                (service != PeerService::at(*remote)).then_some(service)
            }
            ConnectionRole::Server | ConnectionRole::Listener => {
                let here = self.namer.peer(*netns, *cgroup, comm);
                let (_, service) = self.places.asked(place, remote.ip(), (&here, local.port()), &mut self.namer);
                (!here.is_unknown()).then_some(service)
            }
            ConnectionRole::Unknown => None,
        }
    }
}

/// Finds address translations whose two ends are both on this machine. The client's socket has the address it asked
/// for; the server's socket has the address that answers. Connections redirected to a loopback address are left out,
/// because the real answer comes from further on.
fn translations(open: &[Connection], namer: &mut Namer) -> Vec<Translation> {
    let mut network = |end: &Connection| namer.who(end.netns, end.cgroup).network;
    let clients: HashMap<(String, SocketAddr), &Connection> = open
        .iter()
        .filter(|end| end.role == ConnectionRole::Client && !end.local.ip().is_loopback())
        .map(|client| ((network(client), client.local), client))
        .collect();
    let translation = |server: &Connection| {
        let client = clients.get(&(network(server), server.remote))?;
        let is_translated = client.remote != server.local && !server.local.ip().is_loopback();
        is_translated.then_some(Translation {
            netns: client.netns,
            transport: Transport::Tcp,
            client: client.local.ip(),
            service: client.remote,
            backend: server.local,
            seen: server.remote.ip(),
        })
    };
    open.iter().filter(|end| end.role == ConnectionRole::Server).filter_map(translation).collect()
}

#[cfg(test)]
mod tests;
