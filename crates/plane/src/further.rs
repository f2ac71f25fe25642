use std::net::Ipv4Addr;

use topology::Protocol;

use crate::{Destination, MeshEndpoint, NAMESPACE, Port};

/// Virtual addresses and endpoints lie outside those of any lab; nobody calls them.
const SERVICES_FROM: u32 = Ipv4Addr::new(10, 97, 0, 1).to_bits();
const PODS_FROM: u32 = Ipv4Addr::new(10, 245, 0, 1).to_bits();

/// Services of a larger mesh, which istiod pushes to every sidecar by default: HTTP, one pod each, on the port of the
/// first HTTP service that the workload can really call, so that its requests are looked up among theirs.
pub(crate) fn further(destinations: &[Destination], mesh_size: u32) -> impl Iterator<Item = Destination> {
    let http = |port: &Port| port.declared && port.protocol == Protocol::Http;
    let port = destinations.iter().map(|destination| destination.port).find(http);
    let port = port.unwrap_or(Port { number: 80, protocol: Protocol::Http, declared: true });
    (0..mesh_size).map(move |index| Destination {
        service: format!("further-{index:05}"),
        namespace: NAMESPACE,
        port,
        account: format!("further-{index:05}"),
        address: Ipv4Addr::from_bits(SERVICES_FROM + index),
        endpoints: vec![MeshEndpoint {
            pod: format!("further-{index:05}-v1"),
            address: Ipv4Addr::from_bits(PODS_FROM + index),
            version: "v1".to_owned(),
            weight: 1,
        }],
    })
}
