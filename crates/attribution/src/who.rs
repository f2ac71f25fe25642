//! Who is who: the name that people have for a network namespace or a control group.

use crate::container::Container;
use crate::kubernetes::KubernetesPod;

/// A lab's pod whose name has a `-` and that is no part of a service.
const GATEWAY: &str = "istio-ingressgateway";

/// Whose a socket is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// A lab's pod as `ARM-POD`, one of Kubernetes as `NAMESPACE/POD`, another container by the first twelve digits of its
    /// id, or the name of the network namespace; empty where nobody has a name for it.
    pub pod: String,
    /// The network in which its addresses mean what they mean: that of a lab's arm, or the one that all others share,
    /// which is empty.
    pub network: String,
    /// The container, where it is one.
    pub container: Option<Container>,
    /// The pod, where Kubernetes runs it.
    pub kubernetes: Option<KubernetesPod>,
    /// The arm of a lab, which has names, addresses and services of its own.
    pub cluster: Option<String>,
    /// What of a service a lab's pod is.
    pub part: Option<ServiceVersion>,
}

/// A version of a service, which a pod runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceVersion {
    /// The service.
    pub service: String,
    /// Its version, such as `v1`.
    pub version: String,
}

impl ServiceVersion {
    /// `reviews-v2` is one of the service `reviews`, and so is `reviews-v2-0` where the version has several copies.
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
