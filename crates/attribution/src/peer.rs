//! Who speaks and for which service, in Istio's words.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::label::OTHER;
use crate::who::Who;

/// What is not known, in Istio's words.
pub const UNKNOWN: &str = "unknown";

/// The revision of what has none, likewise.
const LATEST: &str = "latest";

/// Where services of a lab live.
const NAMESPACE: &str = "default";

/// One side of connections. Peers share their words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// A pod, with Kubernetes what made it, or on a plain host the process.
    pub workload: Arc<str>,
    /// The service that it is known for: its own, else the workload.
    pub canonical_service: Arc<str>,
    /// Version of that.
    pub canonical_revision: Arc<str>,
    pub namespace: Arc<str>,
    pub app: Arc<str>,
    pub version: Arc<str>,
    /// The cluster; a lab has one in each arm.
    pub cluster: Arc<str>,
}

impl Peer {
    /// A pod, or on a plain host the process `comm`; unknown where it has no name either.
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

    /// Nobody that is known.
    pub fn unknown() -> Self {
        Self { canonical_revision: LATEST.into(), ..Self::called(UNKNOWN) }
    }

    /// Whether nobody knows who it is.
    pub fn is_unknown(&self) -> bool {
        *self.workload == *UNKNOWN
    }

    /// All for whom there is no room.
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

    /// The service that it is a part of; none where nobody told.
    pub fn service(&self) -> Option<PeerService> {
        let is_part = *self.app != *UNKNOWN;
        is_part.then(|| PeerService {
            host: format!("{}.{}.svc.cluster.local", self.app, self.namespace).into(),
            name: Arc::clone(&self.app),
            namespace: Arc::clone(&self.namespace),
        })
    }

    /// What it answers for at one of its ports.
    pub fn at_port(&self, port: u16) -> PeerService {
        PeerService {
            host: format!("{}:{port}", self.workload).into(),
            name: Arc::clone(&self.workload),
            namespace: Arc::clone(&self.namespace),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerService {
    /// As clients may call it: `reviews.default.svc.cluster.local`, `nginx:80` or `10.96.0.9:80`.
    pub host: Arc<str>,
    pub name: Arc<str>,
    pub namespace: Arc<str>,
}

impl PeerService {
    /// One of which only the address is known.
    pub fn at(address: SocketAddr) -> Self {
        let host: Arc<str> = address.to_string().into();
        Self { name: Arc::clone(&host), host, namespace: UNKNOWN.into() }
    }

    /// All for which there is no room.
    pub fn other() -> Self {
        let name: Arc<str> = OTHER.into();
        Self { host: Arc::clone(&name), name: Arc::clone(&name), namespace: name }
    }

    /// Whether it stands for all for which there is no room.
    pub fn is_other(&self) -> bool {
        *self.host == *OTHER
    }
}
