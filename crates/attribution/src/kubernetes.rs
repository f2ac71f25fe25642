//! What Kubernetes calls a pod, as the node tells it: a kubelet names the folder of a pod's logs after its namespace, name
//! and uid.

/// Letters of the random ends of names: those of `k8s.io/apimachinery/pkg/util/rand`, which spell no words.
const RANDOM: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Length of the end that tells pods of one owner apart.
const UNIQUE: usize = 5;
/// Lengths of a hash of a Deployment's template.
const HASH: std::ops::RangeInclusive<usize> = 6..=10;
/// Length of the uid of a static pod: the hash of its file, where others have a UUID.
const STATIC: usize = 32;

/// A pod of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The Deployment, DaemonSet, StatefulSet or Job that made it, by its name; the pod's own name where it looks made by
    /// nobody.
    pub workload: String,
}

impl KubernetesPod {
    /// The pod and its uid, from the name of the folder of its logs.
    pub fn of_folder(folder: &str) -> Option<(String, Self)> {
        let mut parts = folder.split('_');
        let [Some(namespace), Some(name), Some(uid), None] = [(); 4].map(|()| parts.next()) else { return None };
        let workload = if uid.len() == STATIC { name } else { workload_of(name) };
        let pod = Self { namespace: namespace.to_owned(), name: name.to_owned(), workload: workload.to_owned() };
        Some((uid.to_owned(), pod))
    }
}

/// `reviews-v1` of `reviews-v1-545db77b95-x7k2p`, `kube-proxy` of `kube-proxy-bx9zl`, `web` of `web-0`.
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
        // Words are no random ends.
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
