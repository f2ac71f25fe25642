//! Peers and services: the two sides of connections, in Istio's terms.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::label::OTHER;
use crate::who::Who;

/// Istio's value for what is not known.
pub const UNKNOWN: &str = "unknown";

/// Istio's revision of a workload that has none.
const LATEST: &str = "latest";

/// Namespace of a lab's services.
const NAMESPACE: &str = "default";

/// One side of connections. Peers share their strings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// What Kubernetes made the pod from; without Kubernetes the pod, or on a plain host the process.
    pub workload: Arc<str>,
    /// Name of the service that the peer is a part of, or else of its workload.
    pub canonical_service: Arc<str>,
    /// Version of the canonical service.
    pub canonical_revision: Arc<str>,
    pub namespace: Arc<str>,
    pub app: Arc<str>,
    pub version: Arc<str>,
    /// Name of the cluster. Each arm of a lab is a cluster.
    pub cluster: Arc<str>,
}

impl Peer {
    /// Returns the peer of a pod, or on a plain host of the process `comm`. Without either name it is the unknown peer.
    pub fn of(who: &Who, comm: &str) -> Self {
        let workload: Arc<str> = match &who.kubernetes {
            Some(pod) => pod.workload.as_str().into(),
            None if !who.pod.is_empty() => who.pod.as_str().into(),
            None => if comm.is_empty() { UNKNOWN } else { comm }.into(),
        };
        let unknown: Arc<str> = UNKNOWN.into();
        let namespace = match (&who.kubernetes, &who.cluster) {
            (Some(pod), _) => pod.namespace.as_str().into(),
            (None, Some(_)) => NAMESPACE.into(),
            (None, None) => Arc::clone(&unknown),
        };
        let cluster = who.cluster.as_deref().map_or_else(|| Arc::clone(&unknown), Arc::from);
        match &who.part {
            None => Self {
                canonical_service: Arc::clone(&workload),
                canonical_revision: LATEST.into(),
                workload,
                namespace,
                app: Arc::clone(&unknown),
                version: unknown,
                cluster,
            },
            Some(part) => {
                let [app, version]: [Arc<str>; 2] = [part.service.as_str().into(), part.version.as_str().into()];
                let (canonical_service, canonical_revision) = (Arc::clone(&app), Arc::clone(&version));
                Self { workload, canonical_service, canonical_revision, namespace, app, version, cluster }
            }
        }
    }

    /// Returns the unknown peer.
    pub fn unknown() -> Self {
        Self { canonical_revision: LATEST.into(), ..Self::called(UNKNOWN) }
    }

    /// Returns whether the peer has no known name.
    pub fn is_unknown(&self) -> bool {
        *self.workload == *UNKNOWN
    }

    /// Returns the overflow peer, which stands for all that found no room.
    pub fn other() -> Self {
        Self::called(OTHER)
    }

    fn called(name: &str) -> Self {
        let name: Arc<str> = name.into();
        Self {
            workload: Arc::clone(&name),
            canonical_service: Arc::clone(&name),
            canonical_revision: Arc::clone(&name),
            namespace: Arc::clone(&name),
            app: Arc::clone(&name),
            version: Arc::clone(&name),
            cluster: name,
        }
    }

    /// Returns the service that the peer is a part of; `None` if that is not known.
    pub fn service(&self) -> Option<PeerService> {
        let is_part = *self.app != *UNKNOWN;
        is_part.then(|| PeerService {
            host: format!("{}.{}.svc.cluster.local", self.app, self.namespace).into(),
            name: Arc::clone(&self.app),
            namespace: Arc::clone(&self.namespace),
        })
    }

    /// Returns the peer's port as a service.
    pub fn at_port(&self, port: u16) -> PeerService {
        PeerService {
            host: format!("{}:{port}", self.workload).into(),
            name: Arc::clone(&self.workload),
            namespace: Arc::clone(&self.namespace),
        }
    }
}

/// A service that clients call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerService {
    /// Name that clients may call it by: `reviews.default.svc.cluster.local`, `nginx:80` or `10.96.0.9:80`.
    pub host: Arc<str>,
    pub name: Arc<str>,
    pub namespace: Arc<str>,
}

impl PeerService {
    /// Returns a service of which only the address is known.
    pub fn at(address: SocketAddr) -> Self {
        let host: Arc<str> = address.to_string().into();
        Self { name: Arc::clone(&host), host, namespace: UNKNOWN.into() }
    }

    /// Returns the overflow service, which stands for all that found no room.
    pub fn other() -> Self {
        let name: Arc<str> = OTHER.into();
        Self { host: Arc::clone(&name), name: Arc::clone(&name), namespace: name }
    }

    /// Returns whether this is the overflow service.
    pub fn is_other(&self) -> bool {
        *self.host == *OTHER
    }
}
