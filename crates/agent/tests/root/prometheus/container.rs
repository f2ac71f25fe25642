use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use testbed::{EXCHANGE, Watching, insist_on_root, scrape, words};

const UID: &str = "5d4b7e0a-93c1-4f3b-8e55-0a6f2f1d9b3c";

/// Prefix of this test's control groups. The id of the test's process follows.
const NAME: &str = "meshtax-test-";

/// A control group like those that the kubelet makes for containers. It is removed on drop.
pub struct Group {
    top: PathBuf,
    container: PathBuf,
    id: String,
}

impl Group {
    /// Makes a group of this process. Another number makes another group.
    pub fn make(number: u32) -> Self {
        let unified = Path::new("/sys/fs/cgroup/unified");
        let tree = if unified.exists() { unified } else { Path::new("/sys/fs/cgroup") };
        sweep(tree);
        let top = tree.join(format!("{NAME}{}-{number}", std::process::id()));
        let id = format!("{:062x}{number:02x}", std::process::id()).chars().rev().collect::<String>();
        let container = top.join("kubepods/burstable").join(format!("pod{UID}")).join(&id);
        fs::create_dir_all(&container).unwrap();
        Self { top, container, id }
    }

    /// Returns the folder of the group.
    pub fn folder(&self) -> &Path {
        &self.container
    }

    /// Moves bytes over one connection between two sockets of one process in the group.
    fn exchange(&self, port: u16, up: u64, down: u64) {
        let script = format!("echo $$ > {}/cgroup.procs && exec python3 -c \"$0\" \"$@\"", self.container.display());
        let numbers = [u64::from(port), up, down].map(|number| number.to_string());
        let output = Command::new("sh").args(["-c", &script, EXCHANGE]).args(numbers).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
    }
}

/// Removes groups of earlier test processes that were killed.
fn sweep(tree: &Path) {
    for folder in fs::read_dir(tree).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let maker = name.strip_prefix(NAME).and_then(|rest| rest.split('-').next());
        if maker.is_some_and(|maker| !Path::new("/proc").join(maker).exists()) {
            let swept = Command::new("find").arg(&folder).args(["-depth", "-type", "d", "-delete"]).status().unwrap();
            assert!(swept.success(), "{}", folder.display());
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let below = self.container.ancestors().take_while(|folder| folder.starts_with(&self.top));
        below.for_each(|folder| fs::remove_dir(folder).unwrap());
    }
}

#[test]
fn a_container_is_told_by_its_id_with_the_uid_of_its_pod_and_expires_with_its_group() {
    insist_on_root();
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--expire", "1s"]);
    let group = Group::make(1);
    group.exchange(7704, 1_000, 20_000);
    let text = scrape(&agent.place());
    let workload = group.id[..12].to_owned();
    let sent = "istio_tcp_sent_bytes_total{reporter=\"destination\",source_workload=\"unknown\"";
    let server = format!("destination_workload=\"{workload}\"");
    let is_told = |line: &&str| line.starts_with(sent) && line.contains(&server);
    let line = text.lines().find(is_told).unwrap_or_else(|| panic!("{text}"));
    assert!(line.ends_with(" 20000"), "{line}");
    let info = format!(
        "meshtax_workload_info{{workload=\"{workload}\",container_id=\"{}\",k8s_pod_uid=\"{UID}\",\
         k8s_namespace_name=\"unknown\",k8s_pod_name=\"unknown\"}} 1",
        group.id
    );
    assert!(text.contains(&info), "{info} in {text}");
    drop(group);
    while scrape(&agent.place()).contains(&workload) {}
}
