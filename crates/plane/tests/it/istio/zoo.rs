//! Pods as they were dumped, and the options of ours that an Istio user would have written as those objects.

use std::net::Ipv4Addr;

use plane::{Destination, Endpoint, Files, Port, Sidecar, Workload, bootstrap};
use serde_json::Value;
use topology::Protocol;

/// A dump, and what it is held against.
pub struct Case {
    /// Its folder.
    pub dump: &'static str,
    /// Its pods.
    pub pods: &'static [&'static str],
    /// Ours.
    pub options: fn() -> Sidecar,
}

/// What can be compared: an upstream Envoy has no filters of Istio's own, so the dumps are without them.
fn plain() -> Sidecar {
    Sidecar { telemetry: false, metadata: false, ..Sidecar::default() }
}

/// All dumps that have options.
pub const CASES: [Case; 1] = [Case { dump: "strict", pods: &["client", "server"], options: plain }];

/// What istiod pushes by default to the same pods; the peers' policy is the test cluster's.
pub const DEFAULTS: Case = Case { dump: "defaults", pods: &["client", "server"], options: Sidecar::default };

impl Case {
    /// Our bootstrap of the pod.
    pub fn bootstrap(&self, pod: &str) -> Value {
        let port = Port { number: 9080, protocol: Protocol::Http, declared: true };
        let address = Ipv4Addr::new(10, 244, 0, 2);
        let workload = Workload {
            pod: format!("{pod}-v1"),
            service: pod.to_owned(),
            version: "v1".to_owned(),
            namespace: plane::NAMESPACE,
            account: "default".to_owned(),
            address,
            ports: if pod == "server" { vec![port] } else { Vec::new() },
        };
        let server = Destination {
            service: "server".to_owned(),
            namespace: plane::NAMESPACE,
            port,
            account: "default".to_owned(),
            address: Ipv4Addr::new(10, 96, 1, 1),
            endpoints: vec![Endpoint { pod: "server-v1".to_owned(), address, version: "v1".to_owned(), weight: 1 }],
        };
        let files = Files { certificate: "c".to_owned(), key: "k".to_owned(), authority: "a".to_owned() };
        bootstrap(&workload, &[server], &files, &(self.options)())
    }
}
