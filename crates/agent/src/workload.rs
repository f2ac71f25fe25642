use std::collections::BTreeMap;
use std::sync::Arc;

use crate::container::Container;
use crate::kubernetes::Pod;
use crate::label::Labels;
use crate::metric::{Family, Kind};
use crate::namer::Namer;
use crate::peer::{Peer, UNKNOWN};
use crate::reading::Reading;

/// Which containers the workloads are, by identifiers that kube-state-metrics has, too.
pub fn workloads(reading: &Reading, namer: &mut Namer) -> Family {
    let mut info = Family::new(
        "meshtax_workload_info",
        Kind::Gauge,
        "1 for each container that speaks; k8s_… where it has a pod, whose names are unknown where the node does not tell them.",
    );
    let mut containers: BTreeMap<String, Labels> = BTreeMap::new();
    for (netns, cgroup) in &reading.open() | &reading.heard() {
        let who = namer.who(netns, cgroup);
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

fn names_of(pod: Pod) -> [Arc<str>; 2] {
    [pod.namespace, pod.name].map(Arc::from)
}
