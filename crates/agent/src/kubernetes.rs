//! The Kubernetes pods of this node, found without the API server.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use attribution::KubernetesPod;

/// Folder of the kubelet's logs. Each pod has a folder `<namespace>_<name>_<uid>` there.
const LOGS: &str = "var/log/pods";

/// Returns the pods of this node by uid. `root` is `/` except in tests. Without a kubelet there are none.
pub(crate) fn pods(root: &Path) -> HashMap<String, KubernetesPod> {
    let folders = fs::read_dir(root.join(LOGS)).into_iter().flatten().flatten();
    folders.filter_map(|folder| KubernetesPod::of_folder(folder.file_name().to_str()?)).collect()
}
