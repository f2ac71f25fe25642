//! What live tools call those between whom connections are: the pod of this end, and the service that is called.

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

/// How long something is remembered that was not seen any more.
const REMEMBERED: Duration = Duration::from_secs(300);

/// Names, as far as what is open has told them.
#[derive(Debug)]
pub struct Directory {
    namer: Namer,
    places: Places,
}

/// Those between whom a connection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The pod, container or network namespace of this end; empty where nobody has a name for it.
    pub pod: String,
    /// What is called, as the agent's `destination_service` has it; none where only its address is known.
    pub service: Option<String>,
}

impl Directory {
    /// A directory of what is in these registry.
    pub fn new(registry: impl Registry + 'static) -> Self {
        Self { namer: Namer::new(registry), places: Places::default() }
    }

    /// Lets names that are not known yet be looked up again.
    pub fn refresh(&mut self) {
        self.namer.refresh();
    }

    /// Learns from what is open now.
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

    /// The names of a connection.
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

/// Translations between two ends that are both on this machine: the client's says whom it means to reach, the server's who
/// answers. What is redirected to a neighbour is answered further on.
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
