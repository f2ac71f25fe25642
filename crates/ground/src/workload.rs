//! Pods and services as proxies know them.

use std::net::Ipv4Addr;

use topology::{CLIENT, Service, Topology};

use crate::address::Addresses;
use crate::kube_proxy;

/// The pod of that name as its proxy knows it; the client's if the topology has none.
pub fn workload(topology: &Topology, name: &str, address: Ipv4Addr) -> plane::Workload {
    let found = topology.pods().find(|known| known.name() == name);
    let (service, version, account, ports) = match found {
        Some(known) => (&*known.service.name, &*known.version.name, &*known.service.account, vec![port(known.service)]),
        None => (CLIENT, "v1", CLIENT, Vec::new()),
    };
    plane::Workload {
        pod: name.to_owned(),
        service: service.to_owned(),
        version: version.to_owned(),
        namespace: plane::NAMESPACE,
        account: account.to_owned(),
        address,
        ports,
    }
}

/// Every sidecar knows every service, as istiod's default has it.
pub fn destinations(topology: &Topology, addresses: &Addresses) -> Vec<plane::Destination> {
    let destination = |service: &Service| plane::Destination {
        service: service.name.clone(),
        namespace: plane::NAMESPACE,
        port: port(service),
        account: service.account.clone(),
        address: addresses.service(&service.name),
        endpoints: kube_proxy::weighted(service).map(|(pod, weight)| endpoint(addresses, &pod, weight)).collect(),
    };
    topology.services.iter().map(destination).collect()
}

fn endpoint(addresses: &Addresses, pod: &topology::Pod<'_>, weight: u32) -> plane::MeshEndpoint {
    let (name, version) = (pod.name(), pod.version.name.clone());
    plane::MeshEndpoint { address: addresses.pod(&name), pod: name, weight, version }
}

fn port(service: &Service) -> plane::Port {
    plane::Port { number: service.port, protocol: service.protocol, declared: service.declared }
}

/// The accounts that need an identity: every service's, the client's and a gateway's.
pub fn accounts(topology: &Topology) -> Vec<String> {
    let mut accounts: Vec<String> = topology.services.iter().map(|service| service.account.clone()).collect();
    accounts.extend([CLIENT, plane::GATEWAY_ACCOUNT].map(str::to_owned));
    accounts.sort();
    accounts.dedup();
    accounts
}
