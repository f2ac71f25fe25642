//! Links: the two sides of connections, and Istio's labels for them.

use std::net::SocketAddr;
use std::sync::Arc;

use records::{ConnectionRole, CounterKey, TcpKey, Transport};

use crate::label::Labels;
use crate::label::{Grouping, OTHER};
use crate::namer::Namer;
use crate::peer::{Peer, PeerService, UNKNOWN};
use crate::place::{Place, Places};

/// Value of the label `reporter` if the client reports.
pub const SOURCE: &str = "source";

/// Value of the label `reporter` if the server reports.
pub const DESTINATION: &str = "destination";

/// What the connections of one group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// Whether a sidecar already exports Istio's metrics for these connections.
    pub is_meshed: bool,
    /// The side that reports: [`SOURCE`] or [`DESTINATION`].
    pub reporter: &'static str,
    source: Arc<Peer>,
    destination: Arc<Peer>,
    service: Arc<PeerService>,
    /// Value of Istio's label `connection_security_policy`.
    policy: &'static str,
}

impl Link {
    /// Returns the link that a series belongs to.
    pub fn of(key: &TcpKey, places: &Places, namer: &mut Namer) -> Self {
        let is_client = key.role == ConnectionRole::Client;
        let reporter = if is_client { SOURCE } else { DESTINATION };
        let is_meshed = places.is_meshed(key.netns);
        if key.is_other() {
            return Self::rest(is_meshed, reporter);
        }
        let here = namer.peer(key.netns, key.cgroup, &key.comm);
        let network = namer.who(key.netns, key.cgroup).network;
        let place = Place { network: &network, netns: key.netns, transport: Transport::Tcp };
        let (there, service) = if is_client {
            places.called(place, SocketAddr::new(key.remote, key.port))
        } else {
            places.asked(place, key.remote, (&here, key.port), namer)
        };
        let there = there.unwrap_or_else(|| Arc::new(Peer::unknown()));
        let (source, destination) = if is_client { (here, there) } else { (there, here) };
        // Istio says `none` if the server's side has no certificate of the mesh. A sidecar may have one, and its own
        // metrics say so.
        let policy = if is_client || is_meshed { UNKNOWN } else { "none" };
        Self { is_meshed, reporter, source, destination, service: Arc::new(service), policy }
    }

    /// Returns the overflow link.
    fn rest(is_meshed: bool, reporter: &'static str) -> Self {
        let other = Arc::new(Peer::other());
        let (destination, service) = (Arc::clone(&other), Arc::new(PeerService::other()));
        Self { is_meshed, reporter, source: other, destination, service, policy: OTHER }
    }

    /// Returns Istio's labels of TCP metrics, in Istio's order. The kernel knows no principals, and no response flags
    /// of Envoy.
    pub fn labels(&self) -> Labels {
        let Self { source, destination, service, .. } = self;
        let [protocol, flags, policy] = self.connection();
        let principal: Arc<str> = if service.is_other() { OTHER } else { UNKNOWN }.into();
        let share = |text: &Arc<str>| Arc::clone(text);
        vec![
            ("reporter", self.reporter.into()),
            ("source_workload", share(&source.workload)),
            ("source_canonical_service", share(&source.canonical_service)),
            ("source_canonical_revision", share(&source.canonical_revision)),
            ("source_workload_namespace", share(&source.namespace)),
            ("source_principal", share(&principal)),
            ("source_app", share(&source.app)),
            ("source_version", share(&source.version)),
            ("source_cluster", share(&source.cluster)),
            ("destination_workload", share(&destination.workload)),
            ("destination_workload_namespace", share(&destination.namespace)),
            ("destination_principal", principal),
            ("destination_app", share(&destination.app)),
            ("destination_version", share(&destination.version)),
            ("destination_service", share(&service.host)),
            ("destination_canonical_service", share(&destination.canonical_service)),
            ("destination_canonical_revision", share(&destination.canonical_revision)),
            ("destination_service_name", share(&service.name)),
            ("destination_service_namespace", share(&service.namespace)),
            ("destination_cluster", share(&destination.cluster)),
            ("request_protocol", protocol),
            ("response_flags", flags),
            ("connection_security_policy", policy),
        ]
    }

    /// Returns the labels of metrics that Istio does not have. They are few, to keep the exposition small. The
    /// transport has OpenTelemetry's label name.
    pub fn brief(&self) -> Labels {
        let [protocol, flags, policy] = self.connection();
        vec![
            ("reporter", self.reporter.into()),
            ("source_workload", Arc::clone(&self.source.workload)),
            ("destination_workload", Arc::clone(&self.destination.workload)),
            ("destination_service", Arc::clone(&self.service.host)),
            ("network_transport", protocol),
            ("response_flags", flags),
            ("connection_security_policy", policy),
        ]
    }

    /// Returns the values of the protocol, flags and security policy labels.
    fn connection(&self) -> [Arc<str>; 3] {
        let [protocol, flags] = if self.service.is_other() { [OTHER; 2] } else { ["tcp", "-"] };
        [protocol, flags, self.policy].map(Arc::from)
    }
}

impl Grouping for Link {
    /// Returns the overflow link of the same reporter, so that sums by reporter stay correct.
    fn other(&self) -> Self {
        Self::rest(self.is_meshed, self.reporter)
    }
}

#[cfg(test)]
mod tests;
