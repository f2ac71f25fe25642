//! What a run leaves on the machine, found without asking the program under test.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::tool::words;

/// State of the host that no lab may change.
#[derive(Debug, PartialEq, Eq)]
pub struct Host {
    links: BTreeSet<String>,
    rules: String,
    mounts: Vec<String>,
    settings: Vec<String>,
}

impl Host {
    /// Reads the state of the host now.
    pub fn look() -> Host {
        let settings = [
            "/etc/resolv.conf",
            "/proc/sys/net/ipv4/ip_forward",
            "/proc/sys/net/bridge/bridge-nf-call-iptables",
            "/proc/sys/net/ipv6/conf/all/disable_ipv6",
        ];
        Host {
            links: entries(Path::new("/sys/class/net")).into_iter().collect(),
            rules: rules(),
            // Labs of other tests mount namespaces below /run/meshtax meanwhile, and tests do below /run/netns.
            mounts: lines("/proc/self/mountinfo")
                .into_iter()
                .filter(|mount| !mount.contains("/run/netns") && !mount.contains("/run/meshtax"))
                .collect(),
            settings: settings.map(read).to_vec(),
        }
    }
}

fn rules() -> String {
    let output = Command::new("nft").args(["list", "ruleset"]).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    words(&output)
}

/// Returns everything named after a run, one line each: `netns …`, `group …`, `mount …`, `process …`, `lock …`.
pub fn marks(id: &str) -> Vec<String> {
    let name = format!("meshtax-{id}");
    let named = |folder: &'static str, prefix: String| {
        entries(Path::new(folder)).into_iter().filter(move |entry| entry.starts_with(&prefix))
    };
    let netns = named("/run/meshtax/netns", name.clone()).map(|entry| format!("netns {entry}"));
    let locks = named("/run/meshtax", id.to_owned()).map(|entry| format!("lock {entry}"));
    let mounts = lines("/proc/self/mountinfo").into_iter().filter(|mount| mount.contains(id));
    let mounts = mounts.map(|mount| format!("mount {mount}"));
    let mut marks: Vec<String> = netns.chain(locks).chain(mounts).chain(groups(&name)).chain(processes(id)).collect();
    marks.sort();
    marks
}

/// Finds control groups of that name in every tree, whichever the lab uses.
fn groups(name: &str) -> Vec<String> {
    let root = Path::new("/sys/fs/cgroup");
    let trees = entries(root).into_iter().map(|tree| root.join(tree)).chain([root.to_owned()]);
    let groups = trees.map(|tree| tree.join(name)).filter(|group| group.exists());
    groups.map(|group| format!("group {}", group.display())).collect()
}

/// Finds processes that are in the run's control groups, were started with a file of its folder, or have a part of its
/// folder mounted. The run's own process is not found, because its folder is usually `runs/<id>`.
fn processes(id: &str) -> Vec<String> {
    let (group, folder) = (format!("meshtax-{id}"), format!("{id}/"));
    let command = |process: &str| read(format!("/proc/{process}/cmdline")).replace('\0', " ");
    let belongs = |process: &String| {
        let holds = |file: &str, what: &str| read(format!("/proc/{process}/{file}")).contains(what);
        holds("cgroup", &group) || holds("cmdline", &folder) || holds("mountinfo", &folder)
    };
    let numbers =
        entries(Path::new("/proc")).into_iter().filter(|entry| entry.bytes().all(|byte| byte.is_ascii_digit()));
    let of_run = numbers.filter(belongs).map(|process| (command(&process), process));
    // A process without a command line has ended, and its parent has not reaped it yet.
    of_run
        .filter(|(command, _)| !command.is_empty())
        .map(|(command, process)| format!("process {process} {command}"))
        .collect()
}

/// Returns the names in a folder; none if the folder does not exist.
fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

fn lines(path: &str) -> Vec<String> {
    read(path).lines().map(str::to_owned).collect()
}

/// Returns the text of a file; empty if the file is gone, as files of processes may be.
fn read(path: impl AsRef<Path>) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
