//! The pods of this node. The API server is not asked.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use attribution::KubernetesPod;

/// Where kubelets keep logs: in `<namespace>_<name>_<uid>`.
const LOGS: &str = "var/log/pods";

/// The pods of this node by uid, below `root`, which is `/` except in tests. Where there is no kubelet there are none.
pub(crate) fn pods(root: &Path) -> HashMap<String, KubernetesPod> {
    let folders = fs::read_dir(root.join(LOGS)).into_iter().flatten().flatten();
    folders.filter_map(|folder| KubernetesPod::of_folder(folder.file_name().to_str()?)).collect()
}
