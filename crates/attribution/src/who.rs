//! Who is who: names for the owner of a network namespace or a control group.

use crate::container::Container;
use crate::kubernetes::KubernetesPod;

/// Name of a lab's pod that contains `-` although it belongs to no service version.
const GATEWAY: &str = "istio-ingressgateway";

/// The owner of a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Name of the pod or namespace; empty if there is none. The forms are `ARM-POD` in a lab, `NAMESPACE/POD` in
    /// Kubernetes, and the first twelve digits of the id for other containers. Otherwise it is the name of the network
    /// namespace.
    pub pod: String,
    /// Network in which the owner's addresses are unique. Each arm of a lab has its own; everything else shares one,
    /// which has an empty name.
    pub network: String,
    /// The owner's container, if it runs in one.
    pub container: Option<Container>,
    /// The owner's Kubernetes pod, if it runs in one.
    pub kubernetes: Option<KubernetesPod>,
    /// The lab's arm, if the owner is in a lab. Each arm has names, addresses and services of its own.
    pub cluster: Option<String>,
    /// The version of a service that the lab's pod runs.
    pub part: Option<ServiceVersion>,
}

/// A version of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceVersion {
    /// Name of the service.
    pub service: String,
    /// Version, such as `v1`.
    pub version: String,
}

impl ServiceVersion {
    /// Parses a pod's name. `reviews-v2` is version `v2` of the service `reviews`. So is `reviews-v2-0`, if the version
    /// has several copies.
    pub(crate) fn of_pod(name: &str) -> Option<Self> {
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let version = match name.rsplit_once('-') {
            Some((version, copy)) if is_number(copy) && version.contains('-') => version,
            _ => name,
        };
        let (service, version) = version.rsplit_once('-').filter(|_| name != GATEWAY)?;
        Some(Self { service: service.to_owned(), version: version.to_owned() })
    }
}
