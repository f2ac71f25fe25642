use std::collections::BTreeMap;

use crate::container::Container;
use crate::export::Reading;
use crate::metric::{Family, Kind, Labels};
use crate::peer::Peer;
use crate::who::Namer;

/// Which containers the workloads are, by identifiers that kube-state-metrics has, too.
pub fn workloads(reading: &Reading, namer: &mut Namer) -> Family {
    let mut info = Family::new(
        "meshtax_workload_info",
        Kind::Gauge,
        "1 for each container that speaks; k8s_pod_uid where it has a pod, and names where the node tells them.",
    );
    let mut containers: BTreeMap<String, Labels> = BTreeMap::new();
    for (netns, cgroup) in &reading.open() | &reading.heard() {
        let who = namer.who(netns, cgroup);
        let workload = Peer::of(&who, "").workload;
        if let Some(Container { id, pod_uid }) = who.container {
            let [pod_namespace, pod] = who.kubernetes.map_or_else(Default::default, |pod| [pod.namespace, pod.name]);
            let labels = vec![
                ("workload", workload),
                ("container_id", id.as_str().into()),
                ("k8s_pod_uid", pod_uid.unwrap_or_default().into()),
                ("k8s_namespace_name", pod_namespace.into()),
                ("k8s_pod_name", pod.into()),
            ];
            containers.insert(id, labels);
        }
    }
    for labels in containers.into_values() {
        info.add(labels, 1.0);
    }
    info
}
