//! The dumped pods, and our options for which an Istio user would have written those objects.

use std::net::Ipv4Addr;

use plane::{
    Destination, Files, GATEWAY, MeshEndpoint, Mtls, Port, Sidecar, Tracing, Workload, bootstrap, gateway_bootstrap,
};
use serde_json::Value;
use topology::Protocol;

/// A dump, and the options that it is compared with.
#[derive(Clone)]
pub struct Case {
    /// Folder of the dump.
    pub dump: &'static str,
    /// Names of its pods.
    pub pods: &'static [&'static str],
    /// Our options.
    pub options: fn() -> Sidecar,
    /// Services that can be called beside `server`'s HTTP port. Those of the pod itself are its own ports.
    services: &'static [(&'static str, Port)],
}

const BOTH: &[&str] = &["client", "server"];
const HTTP: Port = port(9080, Protocol::Http, true);
/// Ports without a declared protocol, or with another one than HTTP.
const OTHERS: &[(&str, Port)] =
    &[("server", port(9081, Protocol::Tcp, false)), ("server", port(9443, Protocol::Tcp, true))];

/// Options that can be compared: an upstream Envoy has no filters of Istio's own, so the dumps are without them.
fn plain() -> Sidecar {
    Sidecar { telemetry: false, metadata: false, ..Sidecar::default() }
}

/// What istiod pushes by default to the same pods. The policy of peers is the test cluster's.
pub const DEFAULTS: Case = case("defaults", BOTH, Sidecar::default);

/// The cases of `tests/cluster/zoo`. Those below `later` have no option.
pub const CASES: [Case; 13] = [
    case("strict", BOTH, plain),
    case("permissive", BOTH, || Sidecar { mtls: Mtls::Permissive, ..plain() }),
    case("disable", BOTH, || Sidecar { mtls: Mtls::Off, ..plain() }),
    case("authz", &["server"], || Sidecar { authz: 2, ..plain() }),
    case("retries-0", &["client"], || Sidecar { retries: 0, ..plain() }),
    case("retries-5", &["client"], || Sidecar { retries: 5, ..plain() }),
    case("access-log", BOTH, || Sidecar { access_log: true, ..plain() }),
    Case {
        services: &[("zipkin", port(9411, Protocol::Http, true))],
        ..case("tracing-b3", BOTH, || Sidecar { tracing: Tracing::B3, sampling: 0.5, ..plain() })
    },
    Case {
        services: &[("otel-collector", port(4318, Protocol::Http, true))],
        ..case("tracing-traceparent", BOTH, || Sidecar { tracing: Tracing::Traceparent, ..plain() })
    },
    Case { services: OTHERS, ..case("ports-strict", BOTH, plain) },
    Case { services: OTHERS, ..case("ports-permissive", BOTH, || Sidecar { mtls: Mtls::Permissive, ..plain() }) },
    case("mesh-size-2", BOTH, || Sidecar { mesh_size: 2, ..plain() }),
    case("ingress", &[GATEWAY], plain),
];

const fn case(dump: &'static str, pods: &'static [&'static str], options: fn() -> Sidecar) -> Case {
    Case { dump, pods, options, services: &[] }
}

const fn port(number: u16, protocol: Protocol, declared: bool) -> Port {
    Port { number, protocol, declared }
}

impl Case {
    /// Our bootstrap of the pod.
    pub fn bootstrap(&self, pod: &str) -> Value {
        let services: Vec<(&str, Port)> = [("server", HTTP)].into_iter().chain(self.services.iter().copied()).collect();
        let workload = Workload {
            pod: format!("{pod}-v1"),
            service: pod.to_owned(),
            version: "v1".to_owned(),
            namespace: plane::NAMESPACE,
            account: "default".to_owned(),
            address: Ipv4Addr::new(10, 244, 0, 2),
            ports: services.iter().filter(|(service, _)| *service == pod).map(|(_, port)| *port).collect(),
        };
        let destinations: Vec<Destination> =
            (1..).zip(&services).map(|(number, (name, port))| destination(name, *port, number)).collect();
        let files = Files { certificate: "c".to_owned(), key: "k".to_owned(), authority: "a".to_owned() };
        let options = (self.options)();
        if pod == GATEWAY {
            return gateway_bootstrap(workload.address, &destinations, &files, &options);
        }
        bootstrap(&workload, &destinations, &files, &options)
    }
}

fn destination(service: &str, port: Port, number: u8) -> Destination {
    Destination {
        service: service.to_owned(),
        namespace: plane::NAMESPACE,
        port,
        // A service without pods has no account to prove.
        account: if service == "server" { "default".to_owned() } else { String::new() },
        address: Ipv4Addr::new(10, 96, 1, number),
        endpoints: vec![MeshEndpoint {
            pod: "server-v1".to_owned(),
            address: Ipv4Addr::new(10, 244, 0, 2),
            version: "v1".to_owned(),
            weight: 1,
        }],
    }
}
