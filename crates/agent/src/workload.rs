use std::collections::{BTreeMap, BTreeSet};

use crate::container::Container;
use crate::export::Reading;
use crate::metric::{Family, Kind};
use crate::who::Namer;

/// Which containers the workloads are: what their pods are called is known to the API server, and kube-state-metrics tells
/// it by the same identifiers.
pub fn workloads(reading: &Reading, namer: &mut Namer) -> Family {
    let mut info = Family::new(
        "meshtax_workload_info",
        Kind::Gauge,
        "1 for each container that speaks; k8s_pod_uid where it has a pod.",
    );
    let of_series = reading.series.iter().map(|(key, _)| (key.netns, key.cgroup));
    let of_sockets = reading.connections.iter().map(|connection| (connection.netns, connection.cgroup));
    let mut containers: BTreeMap<String, Container> = BTreeMap::new();
    let owners: BTreeSet<(u32, u64)> = of_series.chain(of_sockets).collect();
    for (netns, cgroup) in owners {
        let who = namer.who(netns, cgroup);
        if let Some(container) = who.container {
            containers.insert(who.pod, container);
        }
    }
    for (workload, Container { id, pod_uid }) in containers {
        let pod_uid = pod_uid.unwrap_or_default();
        let labels = vec![("workload", workload.into()), ("container_id", id.into()), ("k8s_pod_uid", pod_uid.into())];
        info.add(labels, 1.0);
    }
    info
}
