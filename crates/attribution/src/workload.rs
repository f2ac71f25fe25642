use std::collections::BTreeMap;
use std::sync::Arc;

use records::Connection;

use crate::container::Container;
use crate::kubernetes::KubernetesPod;
use crate::label::Labels;
use crate::ledger::{Ledger, owners};
use crate::metric::{Family, MetricKind};
use crate::peer::{Peer, UNKNOWN};

/// Returns a metric that names the containers of all workloads, with the identifiers that kube-state-metrics uses.
pub fn workloads(open: &[Connection], ledger: &mut Ledger) -> Family {
    let mut info = Family::new(
        "meshtax_workload_info",
        MetricKind::Gauge,
        "1 for each container with sockets. Pods have k8s_… labels, unknown where the node does not tell them.",
    );
    let mut containers: BTreeMap<String, Labels> = BTreeMap::new();
    for (netns, cgroup) in &owners(open) | &ledger.heard() {
        let who = ledger.namer.who(netns, cgroup);
        let workload = Peer::of(&who, "").workload;
        if let Some(Container { id, pod_uid }) = who.container {
            let mut labels: Labels = vec![("workload", workload), ("container_id", id.as_str().into())];
            if let Some(uid) = pod_uid {
                let names = who.kubernetes.map_or_else(|| [UNKNOWN; 2].map(Arc::from), names_of);
                labels.push(("k8s_pod_uid", uid.into()));
                labels.extend(["k8s_namespace_name", "k8s_pod_name"].into_iter().zip(names));
            }
            containers.insert(id, labels);
        }
    }
    for labels in containers.into_values() {
        info.add(labels, 1.0);
    }
    info
}

fn names_of(pod: KubernetesPod) -> [Arc<str>; 2] {
    [pod.namespace, pod.name].map(Arc::from)
}
