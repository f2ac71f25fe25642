//! The services that every sidecar of Istio knows, although no application calls them: those of the control plane, the
//! API server and the cluster's DNS.

use std::net::Ipv4Addr;

use topology::Protocol;

use crate::{Destination, MeshEndpoint, NAMESPACE, Port, Sidecar};

const ISTIO: &str = "istio-system";
const SYSTEM: &str = "kube-system";
const ISTIOD_ACCOUNT: &str = "istio-system/istiod";

/// Virtual addresses and endpoints lie outside those of any lab, so that an application's connections never reach them.
const SERVICES_FROM: u32 = Ipv4Addr::new(10, 98, 0, 1).to_bits();
const PODS_FROM: u32 = Ipv4Addr::new(10, 246, 0, 1).to_bits();

/// An upper bound on the number of these services.
const PLACES: u32 = 256;

/// istiod's old plaintext gRPC port for proxies, the only one that is known to use HTTP/2.
const GRPC_PORT: u16 = 15010;

/// The ports of istiod's services, and whether their names declare HTTP.
const ISTIOD_PORTS: [(u16, bool); 4] = [(GRPC_PORT, true), (15012, false), (15014, true), (443, false)];

/// The services, from which clusters, listeners and routes follow; none for older releases.
pub(crate) fn control(options: &Sidecar) -> impl Iterator<Item = Destination> {
    let istiod = ["istiod", "istiod-revision-tag-default"].into_iter().zip(0..);
    let istiod =
        istiod.flat_map(|(name, place)| ISTIOD_PORTS.map(|port| service(ISTIO, name, ISTIOD_ACCOUNT, port, place)));
    let others = [
        service(NAMESPACE, "kubernetes", "", (443, false), 2),
        service(SYSTEM, "kube-dns", "kube-system/coredns", (53, false), 3),
    ];
    istiod.chain(others).filter(|_| !options.preset.is_before_1_10())
}

/// Whether a service is one of these. None of their pods has a sidecar.
pub(crate) fn is_part(destination: &Destination) -> bool {
    (SERVICES_FROM..SERVICES_FROM + PLACES).contains(&destination.address.to_bits())
}

/// Whether a service uses HTTP/2 with all of its callers.
pub(crate) fn is_grpc(destination: &Destination) -> bool {
    destination.namespace == ISTIO && destination.port.number == GRPC_PORT
}

/// A service with one pod, which has no sidecar.
fn service(
    namespace: &'static str,
    name: &str,
    account: &str,
    (number, is_http): (u16, bool),
    place: u32,
) -> Destination {
    let protocol = if is_http { Protocol::Http } else { Protocol::Tcp };
    Destination {
        service: name.to_owned(),
        namespace,
        port: Port { number, protocol, declared: true },
        account: account.to_owned(),
        address: Ipv4Addr::from_bits(SERVICES_FROM + place),
        endpoints: vec![MeshEndpoint {
            pod: name.to_owned(),
            address: Ipv4Addr::from_bits(PODS_FROM + place),
            version: "1.0.0".to_owned(),
            weight: 1,
        }],
    }
}
