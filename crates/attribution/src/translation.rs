//! Address translations: what translated addresses stand for, learned from the kernel's tables.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use records::Transport;
use serde::{Deserialize, Serialize};

use crate::peer::{Peer, PeerService};

/// Maximum number of translations in one reading: as many as the witness has series.
pub const TRANSLATIONS_MAX: usize = 8_192;

/// Maximum number of values that are remembered for one key. A key that reaches it may have more.
const VALUES_MAX: usize = 16;

/// One translation, shared by all connections between the same addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Translation {
    /// Inode of the network namespace that translates.
    pub netns: u32,
    /// Transport protocol of the connections.
    pub transport: Transport,
    /// Address of the client.
    pub client: IpAddr,
    /// Address that the client asked for.
    pub service: SocketAddr,
    /// Address of the server that answers.
    pub backend: SocketAddr,
    /// Address of the client as the server sees it.
    pub seen: IpAddr,
}

/// What the kernel's tables of translated connections hold.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Translated {
    /// Translations that are in use, or were a moment ago.
    pub translations: Vec<Translation>,
    /// How many translations were left out for lack of room.
    pub beyond: u64,
    /// How many tables could not be read.
    pub unread: u64,
}

/// Servers of each translated address, and the translated addresses that each server answers for.
#[derive(Debug, Default)]
pub struct Translations {
    /// Servers, by network and by the address that clients ask for.
    backends: Sightings<(String, Transport, SocketAddr), SocketAddr>,
    /// What clients asked for, by network, by the client's address as the server sees it, and by the server's name and
    /// port.
    asked: Sightings<(String, Transport, IpAddr, Arc<str>, u16), AskedAddress>,
    /// Names of services, by network and by the address that clients ask for.
    services: Sightings<(String, Transport, SocketAddr), PeerService>,
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AskedAddress {
    /// Address of the client.
    pub client: IpAddr,
    /// Address that the client asked for.
    pub service: SocketAddr,
}

impl Translations {
    /// Learns from a table in this network. `answers` is the peer that owns the server's address, if that is known.
    pub fn learn(&mut self, network: &str, translation: &Translation, answers: Option<&Peer>, at: Duration) {
        let Translation { transport, client, service, backend, seen, .. } = *translation;
        self.backends.see((network.to_owned(), transport, service), backend, at);
        if let Some(peer) = answers {
            let asked = AskedAddress { client, service };
            let name = Arc::clone(&peer.workload);
            self.asked.see((network.to_owned(), transport, seen, name, backend.port()), asked, at);
        }
        if let Some(told) = answers.and_then(Peer::service) {
            self.services.see((network.to_owned(), transport, service), told, at);
        }
    }

    /// Returns whether an address is translated.
    pub fn translates(&self, network: &str, transport: Transport, address: SocketAddr) -> bool {
        self.backends.seen.contains_key(&(network.to_owned(), transport, address))
    }

    /// Returns the service at an address; `None` if none is known, or several are.
    pub fn service(&self, network: &str, transport: Transport, address: SocketAddr) -> Option<&PeerService> {
        self.services.only(&(network.to_owned(), transport, address))
    }

    /// Returns all servers of a service. The answer is empty if none is known, or if there may be more than are
    /// remembered.
    pub fn backends(&self, network: &str, transport: Transport, service: SocketAddr) -> Vec<SocketAddr> {
        let backends = self.backends.seen.get(&(network.to_owned(), transport, service));
        let all = backends.filter(|backends| backends.len() < VALUES_MAX);
        all.into_iter().flat_map(HashMap::keys).copied().collect()
    }

    /// Returns what a client asked for, from what its server sees: the client's address, and the server's own name and
    /// port. The answer is `None` if nothing is known, or several things are.
    pub fn asked(
        &self,
        network: &str,
        transport: Transport,
        seen: IpAddr,
        (name, port): (&str, u16),
    ) -> Option<&AskedAddress> {
        self.asked.only(&(network.to_owned(), transport, seen, name.into(), port))
    }

    /// Returns how many translations were not learned for lack of room.
    pub fn missed(&self) -> u64 {
        self.backends.missed + self.asked.missed + self.services.missed
    }

    /// Forgets what was last seen at or before `since`.
    pub fn forget(&mut self, since: Duration) {
        self.backends.forget(since);
        self.asked.forget(since);
        self.services.forget(since);
    }
}

/// Values of each key, and when each was last seen.
#[derive(Debug)]
struct Sightings<K, V> {
    seen: HashMap<K, HashMap<V, Duration>>,
    missed: u64,
}

impl<K, V> Default for Sightings<K, V> {
    fn default() -> Self {
        Self { seen: HashMap::new(), missed: 0 }
    }
}

impl<K: Eq + Hash, V: Eq + Hash> Sightings<K, V> {
    /// Records a value. Keys and values beyond the limits are not recorded, so they get no name.
    fn see(&mut self, key: K, value: V, at: Duration) {
        if !self.seen.contains_key(&key) && self.seen.len() >= TRANSLATIONS_MAX {
            self.missed += 1;
            return;
        }
        let values = self.seen.entry(key).or_default();
        if values.contains_key(&value) || values.len() < VALUES_MAX {
            values.insert(value, at);
        }
    }

    fn only(&self, key: &K) -> Option<&V> {
        let values = self.seen.get(key)?;
        if values.len() == 1 { values.keys().next() } else { None }
    }

    fn forget(&mut self, since: Duration) {
        self.seen.retain(|_, values| {
            values.retain(|_, at| *at > since);
            !values.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::who::{ServiceVersion, Who};

    use super::*;

    #[test]
    fn an_address_is_that_of_the_service_whose_parts_answer() {
        let at = Duration::ZERO;
        let service: SocketAddr = "10.96.0.11:80".parse().unwrap();
        let mut translations = Translations::default();
        let mut answers = |backend: &str, name: &str, version: &str| {
            let part = Some(ServiceVersion { service: name.to_owned(), version: version.to_owned() });
            let who =
                Who { pod: format!("{name}-{version}"), part, cluster: Some("blue".to_owned()), ..Who::default() };
            let (client, seen, transport) = ("10.0.0.2".parse().unwrap(), "10.0.0.2".parse().unwrap(), Transport::Tcp);
            let told = Translation { netns: 7, transport, client, service, backend: backend.parse().unwrap(), seen };
            translations.learn("blue", &told, Some(&Peer::of(&who, "")), at);
            translations.service("blue", transport, service).map(|service| service.host.to_string())
        };
        let reviews = Some("reviews.default.svc.cluster.local".to_owned());
        assert_eq!(answers("10.0.0.3:8080", "reviews", "v1"), reviews);
        assert_eq!(answers("10.0.0.4:8080", "reviews", "v2"), reviews);
        assert_eq!(answers("10.0.0.5:8080", "ratings", "v1"), None, "there are two");
    }

    #[test]
    fn a_service_has_the_backends_that_answer_of_late() {
        let begin = Duration::ZERO;
        let service: SocketAddr = "10.96.0.11:80".parse().unwrap();
        let mut translations = Translations::default();
        let mut answers = |backend: &str, after_s| {
            let at = begin + Duration::from_secs(after_s);
            let (client, seen) = ("10.0.0.2".parse().unwrap(), "10.0.0.1".parse().unwrap());
            let backend: SocketAddr = backend.parse().unwrap();
            let transport = Transport::Tcp;
            let told = Translation { netns: 7, transport, client, service, backend, seen };
            translations.forget(begin + Duration::from_secs(after_s.saturating_sub(10)));
            let who = Who { pod: "web".to_owned(), ..Who::default() };
            translations.learn("blue", &told, Some(&Peer::of(&who, "")), at);
            let asked = translations.asked("blue", transport, seen, ("web", 8080)).cloned();
            assert_eq!(asked, Some(AskedAddress { client, service }));
            assert_eq!(translations.backends("green", transport, service), [], "another network's");
            let mut backends = translations.backends("blue", transport, service);
            backends.sort();
            backends.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(answers("10.0.0.3:8080", 11), ["10.0.0.3:8080"]);
        assert_eq!(answers("10.0.0.4:8080", 12), ["10.0.0.3:8080", "10.0.0.4:8080"]);
        assert_eq!(answers("10.0.0.4:8080", 30), ["10.0.0.4:8080"], "the first is gone");
        for port in 1..VALUES_MAX {
            answers(&format!("10.0.0.4:{port}"), 30);
        }
        assert_eq!(answers("10.0.0.4:8080", 30), [] as [String; 0], "there may be more");
    }
}
