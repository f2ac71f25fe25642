use std::path::Path;

/// Number of hexadecimal digits in a container's id.
const DIGITS: usize = 64;

/// A container, found from the path of its control group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The container's id: 64 hexadecimal digits.
    pub id: String,
    /// The uid of the container's pod, if Kubernetes runs it.
    pub pod_uid: Option<String>,
}

impl Container {
    /// Finds the innermost container in the path of a control group. Docker, containerd, CRI-O and Podman name groups
    /// after container ids, with either cgroup driver. The path holds the pod's uid but not its name.
    pub fn of_group(path: &Path) -> Option<Self> {
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        let (place, id) = parts.iter().enumerate().rev().find_map(|(place, part)| Some((place, id_of(part)?)))?;
        // An id without a runtime's name beside it counts only below a group that a runtime made.
        let above = &parts[..place];
        let pod_uid = parts[..=place].iter().rev().find_map(|part| pod_of(part));
        let is_named = parts[place].len() > DIGITS;
        let is_below =
            above.iter().any(|part| part.contains("kubepods") || matches!(*part, "docker" | "libpod_parent"));
        (is_named || is_below).then(|| Self { id: id.to_owned(), pod_uid })
    }
}

/// Returns the container id in a part of a path.
///
/// The forms are `<id>`, `docker-<id>.scope`, `cri-containerd-<id>.scope`, `crio-<id>` and `libpod-<id>.scope`. With
/// systemd's names under the cgroupfs driver, the form is `<slice>:cri-containerd:<id>`. Monitors such as
/// `crio-conmon-<id>.scope` are not containers.
fn id_of(part: &str) -> Option<&str> {
    const RUNTIMES: [&str; 7] = ["", "docker", "cri-containerd", "crio", "libpod", "libpod-payload", "nerdctl"];
    let part = part.strip_suffix(".scope").unwrap_or(part);
    let (before, id) = part.split_at_checked(part.len().checked_sub(DIGITS)?)?;
    let is_id = id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let before = before.rsplit_once(".slice:").map_or(before, |(_, runtime)| runtime);
    let runtime = before.trim_end_matches(['-', ':']);
    (is_id && RUNTIMES.contains(&runtime)).then_some(id)
}

/// Returns the pod's uid in a part of a path. The forms are `pod<uid>`, and with systemd `…-pod<uid>.slice`, where `_`
/// stands for `-`.
fn pod_of(part: &str) -> Option<String> {
    let slice = part.split_once(".slice").map(|(slice, _)| slice);
    let (_, uid) = match slice {
        Some(slice) if slice.contains("kubepods") => slice.rsplit_once("-pod")?,
        Some(_) => return None,
        None => ("", part.strip_prefix("pod")?),
    };
    // A static pod's uid is the hash of its manifest: 32 digits without `-`.
    let uid = uid.replace('_', "-");
    let is_uid = matches!(uid.len(), 32 | 36) && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_uid.then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f5b0a7c9d1e42688bb3f6d2a1907c4e5d6f7a8b9c0d1e2f30415263748596a7";
    const UID: &str = "5d4b7e0a-93c1-4f3b-8e55-0a6f2f1d9b3c";
    const UID_: &str = "5d4b7e0a_93c1_4f3b_8e55_0a6f2f1d9b3c";
    const STATIC: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

    #[test]
    fn groups_of_kubernetes_name_pod_and_container() {
        let check = |path: &str, uid: &str| {
            let path = path.replace("ID", ID);
            let container = Container { id: ID.to_owned(), pod_uid: Some(uid.to_owned()) };
            assert_eq!(Container::of_group(Path::new(&path)), Some(container), "{path}");
        };
        // The driver cgroupfs, by class of service.
        check(&format!("/sys/fs/cgroup/kubepods/burstable/pod{UID}/ID"), UID);
        check(&format!("/sys/fs/cgroup/kubepods/besteffort/pod{UID}/ID"), UID);
        check(&format!("/sys/fs/cgroup/kubepods/pod{UID}/ID"), UID);
        check(&format!("/sys/fs/cgroup/kubepods/burstable/pod{STATIC}/ID"), STATIC);
        // The driver systemd.
        let burstable = format!("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice");
        check(&format!("/sys/fs/cgroup/{burstable}/cri-containerd-ID.scope"), UID);
        check(&format!("/sys/fs/cgroup/{burstable}/crio-ID.scope"), UID);
        check(&format!("/sys/fs/cgroup/{burstable}/docker-ID.scope"), UID);
        check(&format!("/sys/fs/cgroup/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-ID.scope"), UID);
        check(
            &format!(
                "/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{STATIC}.slice/crio-ID.scope"
            ),
            STATIC,
        );
        // CRI-O with crun puts the processes into a child group.
        check(&format!("/sys/fs/cgroup/{burstable}/crio-ID.scope/container"), UID);
        // CRI-O with cgroupfs.
        check(&format!("/sys/fs/cgroup/kubepods/burstable/pod{UID}/crio-ID"), UID);
        // containerd set to the cgroupfs driver, with groups named as slices.
        check(
            &format!(
                "/sys/fs/cgroup/system.slice/containerd.service/kubepods-burstable-pod{UID_}.slice:cri-containerd:ID"
            ),
            UID,
        );
        // kind: a cluster in a container.
        let kind = format!("system.slice/docker-{}.scope/kubelet.slice/kubelet-kubepods.slice", "b".repeat(64));
        let inner = format!("kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{UID_}.slice");
        check(&format!("/sys/fs/cgroup/{kind}/{inner}/cri-containerd-ID.scope"), UID);
    }

    #[test]
    fn groups_of_containers_without_kubernetes_name_the_container() {
        let check = |path: &str, is_container: bool| {
            let path = path.replace("ID", ID);
            let container = is_container.then(|| Container { id: ID.to_owned(), pod_uid: None });
            assert_eq!(Container::of_group(Path::new(&path)), container, "{path}");
        };
        check("/sys/fs/cgroup/docker/ID", true);
        check("/sys/fs/cgroup/system.slice/docker-ID.scope", true);
        check("/sys/fs/cgroup/system.slice/docker-ID.scope/init", true);
        check("/sys/fs/cgroup/machine.slice/libpod-ID.scope/container", true);
        check("/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", true);
        check("/sys/fs/cgroup/machine.slice/libpod-conmon-ID.scope", false);
        check("/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/crio-conmon-ID.scope", false);
        check("/sys/fs/cgroup/system.slice/ssh.service", false);
        check("/sys/fs/cgroup/build/ID", false);
        check("/sys/fs/cgroup/system.slice/docker-0123.scope", false);
        check("/", false);
    }

    proptest::proptest! {
        #[test]
        fn no_path_is_too_strange(path in ".{0,200}") {
            Container::of_group(Path::new(&path));
        }
    }
}
