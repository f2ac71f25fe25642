//! Identifies callers from the headers in which their sidecars introduce themselves, as Istio's `metadata_exchange`
//! filter does.

use serde_json::{Value, json};
use topology::CLIENT;

use crate::extension::extension;
use crate::identity::CLUSTER_ID;
use crate::workload::{LATEST, UNKNOWN};
use crate::{Destination, GATEWAY, peer};

/// The namespace for facts about a caller in a request's metadata.
const SPACE: &str = "istio.peer";

/// Version of the client's pod, which belongs to no service.
const CLIENT_VERSION: &str = "v1";

/// A fact about a caller.
#[derive(Clone, Copy)]
pub(crate) enum Told {
    Workload,
    Service,
    Version,
    Revision,
    Namespace,
    Cluster,
}

impl Told {
    const ALL: [Self; 6] =
        [Self::Workload, Self::Service, Self::Version, Self::Revision, Self::Namespace, Self::Cluster];

    fn key(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Service => "service",
            Self::Version => "version",
            Self::Revision => "revision",
            Self::Namespace => "namespace",
            Self::Cluster => "cluster",
        }
    }

    /// The capture group of this fact in the pattern of a node id; `None` for the cluster, which is the same for all
    /// callers.
    fn group(self) -> Option<u8> {
        match self {
            Self::Workload => Some(1),
            Self::Service => Some(2),
            Self::Version | Self::Revision => Some(3),
            Self::Namespace => Some(4),
            Self::Cluster => None,
        }
    }

    /// The access loggers' format for this fact.
    pub(crate) fn format(self) -> String {
        format!("%DYNAMIC_METADATA({SPACE}:{})%", self.key())
    }

    /// The rule that reads this fact from the header that introduces a caller. Without the header, it is Istio's word
    /// for unknown.
    fn rule(self, pattern: &str) -> Value {
        let entry = |mut fields: Value| {
            fields["metadata_namespace"] = SPACE.into();
            fields["key"] = self.key().into();
            fields
        };
        let present = match self.group() {
            None => json!({"value": CLUSTER_ID}),
            Some(group) => {
                json!({"regex_value_rewrite": {"pattern": {"regex": pattern}, "substitution": format!("\\{group}")}})
            }
        };
        let missing = json!({"value": if let Self::Revision = self { LATEST } else { UNKNOWN }});
        json!({"header": peer::ID, "on_header_present": entry(present), "on_header_missing": entry(missing)})
    }
}

/// A filter that records the caller. `destinations` are the services of the mesh. The caller is a pod of one of them,
/// the client or the gateway.
pub(crate) fn noting(destinations: &[Destination]) -> Value {
    let pattern = pattern(destinations);
    extension(
        "envoy.filters.http.header_to_metadata",
        "envoy.extensions.filters.http.header_to_metadata.v3.Config",
        json!({"request_rules": Told::ALL.map(|told| told.rule(&pattern))}),
    )
}

/// The pattern of a caller's node id: workload, service, version, namespace. A Deployment's name consists of service
/// and version, both of which may contain hyphens, so known names are needed to split it.
fn pattern(destinations: &[Destination]) -> String {
    let services = destinations.iter().map(|destination| &*destination.service).chain([CLIENT, GATEWAY]);
    let endpoints = destinations.iter().flat_map(|destination| &destination.endpoints);
    let versions = endpoints.map(|endpoint| &*endpoint.version).chain([CLIENT_VERSION]);
    let (services, versions) = (one_of(services), one_of(versions));
    format!("^[^~]*~[^~]*~(({services})(?:-({versions}))?)-[^-]+-[^-]+\\.([^~]*)~.*$")
}

/// Names as alternatives, the longest first. Apart from letters and digits they contain only hyphens and dots.
fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.map(|name| name.replace('.', "\\.")).collect();
    names.sort_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
    names.dedup();
    names.join("|")
}
