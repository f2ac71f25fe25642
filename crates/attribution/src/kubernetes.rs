//! Names of Kubernetes pods, read from the node itself. The kubelet names the folder of a pod's logs after the pod's
//! namespace, name and uid.

/// Letters of the random suffixes of names, from `k8s.io/apimachinery/pkg/util/rand`. They spell no words.
const RANDOM: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Length of the random suffix that distinguishes the pods of one owner.
const UNIQUE: usize = 5;
/// Lengths of the hash of a Deployment's template.
const HASH: std::ops::RangeInclusive<usize> = 6..=10;
/// Length of the uid of a static pod, which is the hash of its file. Other pods have a UUID.
const STATIC: usize = 32;

/// A Kubernetes pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesPod {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// Name of the Deployment, DaemonSet, StatefulSet or Job that made the pod, guessed from the pod's name. If the
    /// name shows no owner, this is the pod's own name.
    pub workload: String,
}

impl KubernetesPod {
    /// Parses the name of a pod's log folder into the pod's uid and the pod.
    pub fn of_folder(folder: &str) -> Option<(String, Self)> {
        let mut parts = folder.split('_');
        let [Some(namespace), Some(name), Some(uid), None] = [(); 4].map(|()| parts.next()) else { return None };
        let workload = if uid.len() == STATIC { name } else { workload_of(name) };
        let pod = Self { namespace: namespace.to_owned(), name: name.to_owned(), workload: workload.to_owned() };
        Some((uid.to_owned(), pod))
    }
}

/// Returns the name of the workload that made a pod: `reviews-v1` for `reviews-v1-545db77b95-x7k2p`, `kube-proxy` for
/// `kube-proxy-bx9zl`, `web` for `web-0`.
fn workload_of(name: &str) -> &str {
    let is_random = |part: &str| part.bytes().all(|byte| RANDOM.contains(&byte));
    let Some((rest, end)) = name.rsplit_once('-') else { return name };
    if !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()) && end.len() < UNIQUE {
        return rest;
    }
    if end.len() != UNIQUE || !is_random(end) {
        return name;
    }
    match rest.rsplit_once('-') {
        Some((deployment, hash)) if HASH.contains(&hash.len()) && is_random(hash) => deployment,
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_logs_tell_its_name_and_what_made_it() {
        let check = |folder: &str, told: Option<(&str, &str, &str, &str)>| {
            let found = KubernetesPod::of_folder(folder);
            let found = found.as_ref().map(|(uid, pod)| (&**uid, &*pod.namespace, &*pod.name, &*pod.workload));
            assert_eq!(found, told, "{folder}");
        };
        let uid = "5d4b7e0a-93c1-4f3b-8e55-0a6f2f1d9b3c";
        let made = |namespace: &str, name: &str, workload: &str| {
            check(&format!("{namespace}_{name}_{uid}"), Some((uid, namespace, name, workload)));
        };
        made("default", "reviews-v1-545db77b95-x7k2p", "reviews-v1");
        made("kube-system", "kube-proxy-bx9zl", "kube-proxy");
        made("data", "redis-cart-0", "redis-cart");
        made("default", "curl", "curl");
        // Words are not random suffixes.
        made("default", "nginx-proxy", "nginx-proxy");
        made("default", "sleep-5d4b7e0a93-audio", "sleep-5d4b7e0a93-audio");
        made("default", "report-20261126", "report-20261126");
        let hash = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
        let name = "kube-apiserver-node-1";
        check(&format!("kube-system_{name}_{hash}"), Some((hash, "kube-system", name, name)));
        for strange in ["", "_", "default_curl", "a_b_c_d"] {
            check(strange, None);
        }
    }
}
