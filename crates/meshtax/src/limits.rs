//! Checks the limits of this host: missing controllers, open files, processes, memory and disk.

mod memory;

use std::fs;
use std::path::{Path, PathBuf};

use cgroup::CgroupMode;
use experiment::{Demand, Experiment, size};
use lab::Trees;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::statvfs::statvfs;

use crate::failure::Failure;

/// Returns an error if this host lacks a controller that the experiment needs, or grants too few resources; checked
/// before anything stands. `out` is the future run folder. Limits of control groups are skipped if `trees` is `None`.
pub fn check(experiment: &Experiment, trees: Option<&Trees>, out: &Path) -> Result<(), Failure> {
    let lack = |arm: &experiment::Arm| Some((arm.name.clone(), trees?.lack(&arm.limits)?));
    if let Some((arm, controller)) = experiment.arms.iter().find_map(lack) {
        return Err(Failure::new(
            format!("arm `{arm}` limits `{controller}`, but this host's control groups have no such controller"),
            format!(
                "remove `{controller}` from the arm's `limits`, or enable the controller: \
                 /sys/fs/cgroup/cgroup.controllers must list it, or /sys/fs/cgroup/{controller} must be mounted"
            ),
        ));
    }
    let demand = Demand::of(experiment);
    let shortages =
        [files(&demand), processes(&demand, trees), proxies(&demand), namespaces(&demand), memory(&demand, trees)];
    refuse(shortages.into_iter().chain([disk(&demand, out)]).flatten().collect())
}

/// A resource of which the experiment needs more than the machine grants.
struct Shortage {
    /// What the experiment needs.
    takes: String,
    /// What the machine grants.
    grants: String,
    /// How to raise the limit.
    raise: String,
}

/// Returns an error that lists every shortage, if there is one.
fn refuse(shortages: Vec<Shortage>) -> Result<(), Failure> {
    if shortages.is_empty() {
        return Ok(());
    }
    let told: Vec<String> =
        shortages.iter().map(|Shortage { takes, grants, .. }| format!("{takes}, but {grants}")).collect();
    let raise: Vec<&str> = shortages.iter().map(|shortage| &*shortage.raise).collect();
    Err(Failure::new(
        format!("this machine grants too little for the experiment, which takes at least {}", told.join("; ")),
        format!("{}; or ask for less: fewer arms (`--arms`), services, instances or workers", raise.join("; ")),
    ))
}

/// Adds a quarter for what is not counted, and rounds up to a multiple of 1000.
fn ample(count: u64) -> u64 {
    (count + count / 4).next_multiple_of(1000)
}

fn files(demand: &Demand) -> Option<Shortage> {
    let (_, granted) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    (demand.files > granted).then(|| Shortage {
        takes: format!("{} open files", demand.files),
        grants: format!("the hard limit of open files (RLIMIT_NOFILE) is {granted}"),
        raise: format!(
            "raise the limit of open files: `prlimit --nofile={0}:{0} meshtax …` as root",
            ample(demand.files)
        ),
    })
}

fn processes(demand: &Demand, trees: Option<&Trees>) -> Option<Shortage> {
    let (all, own) = (demand.tasks + demand.threads, demand.threads);
    // With version 2 control groups, a lab's processes are in groups of their own at the root.
    let root = trees.filter(|trees| trees.mode == CgroupMode::V2).map(|trees| &trees.roots[0]);
    let takes = |group: &Crowd| if root.is_none_or(|root| group.folder == *root) { all } else { own };
    let of_group = |group: Crowd| {
        let raise = format!("raise {}", group.folder.join("pids.max").display());
        (takes(&group), group.to_string(), group.left, raise)
    };
    let now = tasks_now();
    let of_machine = ["kernel.pid_max", "kernel.threads-max"].into_iter().filter_map(|name| {
        let most = setting(name)?;
        Some((all, format!("{name} of {most}"), most.saturating_sub(now), format!("raise {name} with `sysctl`")))
    });
    let limits = Crowd::groups().into_iter().map(of_group).chain(of_machine);
    let short = limits.filter(|(takes, _, left, _)| left < takes).min_by_key(|(_, _, left, _)| *left);
    short.map(|(takes, limit, left, raise)| Shortage {
        takes: format!("{takes} processes and threads"),
        grants: format!("{limit} lets {left} more start"),
        raise,
    })
}

/// Checks the process limit of Envoy's user. This user is not root, who has no such limit.
fn proxies(demand: &Demand) -> Option<Shortage> {
    let (_, granted) = getrlimit(Resource::RLIMIT_NPROC).ok()?;
    let takes = demand.proxy_tasks;
    (takes > granted).then(|| Shortage {
        takes: format!("{takes} processes and threads of the proxies' user {}", plane::PROXY_UID),
        grants: format!("the hard limit of a user's processes (RLIMIT_NPROC) is {granted}"),
        raise: format!("raise the limit of processes: `prlimit --nproc={0}:{0} meshtax …` as root", ample(takes)),
    })
}

fn namespaces(demand: &Demand) -> Option<Shortage> {
    let takes = |kind: &str| if kind == "net" { demand.namespaces } else { demand.pods };
    ["net", "mnt", "pid", "uts", "ipc"].into_iter().find_map(|kind| {
        let name = format!("user.max_{kind}_namespaces");
        let most = setting(&name).filter(|most| *most < takes(kind))?;
        Some(Shortage {
            takes: format!("{} namespaces of kind `{kind}`", takes(kind)),
            grants: format!("{name} is {most}"),
            raise: format!("raise it: `sysctl {name}={}`", ample(takes(kind))),
        })
    })
}

fn memory(demand: &Demand, trees: Option<&Trees>) -> Option<Shortage> {
    let grant = memory::tightest(trees).filter(|grant| grant.bytes < demand.memory_bytes)?;
    Some(Shortage {
        takes: format!("{} of memory", size(demand.memory_bytes)),
        grants: format!("{} leaves {}", grant.of, size(grant.bytes)),
        raise: "end what uses memory".to_owned(),
    })
}

/// Checks the space on the file system of `out`, which need not exist yet.
fn disk(demand: &Demand, out: &Path) -> Option<Shortage> {
    let absolute = std::path::absolute(out).ok()?;
    let folder = absolute.ancestors().find(|folder| folder.exists())?;
    // A file system without blocks, such as /proc, is not a disk.
    let there = statvfs(folder).ok().filter(|there| there.blocks() > 0)?;
    let free = there.blocks_available().saturating_mul(there.fragment_size());
    (demand.disk_bytes > free).then(|| Shortage {
        takes: format!("{} of disk", size(demand.disk_bytes)),
        grants: format!("{} leaves {}", folder.display(), size(free)),
        raise: "name a folder on a larger disk with `--out`, or lower `--stands`".to_owned(),
    })
}

/// The number of processes and threads on this machine.
fn tasks_now() -> u64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let count = || text.split_whitespace().nth(3)?.split_once('/')?.1.parse().ok();
    count().unwrap_or(0)
}

/// A numeric kernel setting, by its sysctl(8) name.
fn setting(name: &str) -> Option<u64> {
    fs::read_to_string(Path::new("/proc/sys").join(name.replace('.', "/"))).ok()?.trim().parse().ok()
}

/// Checks that this process may open `takes` files. Without this check, the kernel's refusal would name no cause or a wrong
/// one.
///
/// # Errors
///
/// Returns an error if the limit of open files is lower.
pub fn open_files(takes: u64) -> Result<(), Failure> {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, granted)) if granted < takes => Err(Failure::new(
            format!(
                "this takes {takes} open files or more, and the hard limit of open files (RLIMIT_NOFILE) is {granted}"
            ),
            format!(
                "raise it: `prlimit --nofile={0}:{0} meshtax …` as root, or `LimitNOFILE={0}` in a unit",
                ample(takes)
            ),
        )),
        _ => Ok(()),
    }
}

/// Raises the soft limits of open files and processes to the hard limits, for this program and those it starts. A lab
/// needs several of each per pod.
pub fn take_what_is_granted() {
    for limit in [Resource::RLIMIT_NOFILE, Resource::RLIMIT_NPROC] {
        if let Ok((_, granted)) = getrlimit(limit) {
            // If a limit cannot be raised, a run that needs more says so itself.
            setrlimit(limit, granted, granted).ok();
        }
    }
}

/// A control group with a limit on its processes and threads.
struct Crowd {
    folder: PathBuf,
    most: u64,
    left: u64,
    /// How often this limit has refused a process or thread.
    refused: u64,
}

impl std::fmt::Display for Crowd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the limit of {} in {}", self.most, self.folder.join("pids.max").display())
    }
}

impl Crowd {
    /// This program's control groups and their ancestors, if they limit processes.
    fn groups() -> Vec<Crowd> {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        groups
            .lines()
            .flat_map(|line| folders(line, Path::new("/sys/fs/cgroup")))
            .filter_map(|f| Crowd::read(&f))
            .collect()
    }

    fn read(folder: &Path) -> Option<Crowd> {
        let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        let (most, now) = (number("pids.max")?, number("pids.current")?);
        let events = fs::read_to_string(folder.join("pids.events")).unwrap_or_default();
        let refused = events.lines().find_map(|line| line.strip_prefix("max ")?.trim().parse().ok());
        let (left, refused) = (most.saturating_sub(now), refused.unwrap_or(0));
        Some(Crowd { folder: folder.to_owned(), most, left, refused })
    }
}

/// The folders of a control group that counts processes and of its ancestors, from a line of `/proc/self/cgroup`.
fn folders(line: &str, root: &Path) -> Vec<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { return Vec::new() };
    let tree = match controllers {
        "" if root.join("unified").exists() => root.join("unified"),
        "" => root.to_owned(),
        controllers if controllers.split(',').any(|name| name == "pids") => root.join(controllers),
        _ => return Vec::new(),
    };
    Path::new(path).ancestors().map(|group| tree.join(group.strip_prefix("/").unwrap_or(group))).collect()
}

/// Process limits and their refusals at one moment, to tell later whether they caused a failure.
pub struct Refusals(Vec<Crowd>);

impl Refusals {
    /// Reads the limits now.
    pub fn so_far() -> Self {
        Self(Crowd::groups())
    }

    /// Says what to do if a limit has refused a process since then.
    pub fn hint(&self) -> Option<String> {
        let before =
            |now: &Crowd| self.0.iter().find(|known| known.folder == now.folder).map_or(0, |known| known.refused);
        let reached = Crowd::groups().into_iter().find(|group| group.refused > before(group))?;
        Some(format!("{reached} was reached: raise it, or choose arms with `--arms`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_count_processes_and_all_above_them() {
        let root = Path::new("/no/such");
        let of = |line| folders(line, root);
        assert_eq!(of("12:pids:/a/b"), ["pids/a/b", "pids/a", "pids/"].map(|group| root.join(group)));
        assert_eq!(of("0::/a"), ["a", ""].map(|group| root.join(group)));
        assert_eq!(of("4:memory:/a"), Vec::<PathBuf>::new());
        assert_eq!(of("1:name=systemd:/"), Vec::<PathBuf>::new());
        assert_eq!(of("odd"), Vec::<PathBuf>::new());
    }

    #[test]
    fn limits_are_read_with_what_they_refused() {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in [("pids.max", "45\n"), ("pids.current", "5\n"), ("pids.events", "max 3\n")] {
            fs::write(home.path().join(name), text).unwrap();
        }
        let group = Crowd::read(home.path()).unwrap();
        assert_eq!((group.most, group.left, group.refused), (45, 40, 3));
        fs::write(home.path().join("pids.max"), "max\n").unwrap();
        assert!(Crowd::read(home.path()).is_none());
    }
}
