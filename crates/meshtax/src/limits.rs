//! What this host limits: controllers that it lacks, files and processes that it grants.

use std::fs;
use std::path::{Path, PathBuf};

use lab::{CgroupMode, Trees};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::experiment::Experiment;
use crate::failure::Failure;

/// Whether this host can limit what the experiment limits, and grants what it takes; looked at before anything stands.
pub fn check(experiment: &Experiment, trees: &Trees) -> Result<(), Failure> {
    let lack = |arm: &crate::experiment::Arm| Some((arm.name.clone(), trees.lack(&arm.limits)?));
    if let Some((arm, controller)) = experiment.arms.iter().find_map(lack) {
        return Err(Failure::new(
            format!("arm `{arm}` limits `{controller}`, and this host's control groups have no such controller"),
            format!(
                "remove `{controller}` from the arm's `limits`, or hand the controller down: \
                 /sys/fs/cgroup/cgroup.controllers has to list it, or /sys/fs/cgroup/{controller} to be mounted"
            ),
        ));
    }
    // Where control groups of version 2 count processes, those of a lab are in groups of their own.
    let stays = trees.mode != CgroupMode::V2;
    let (needed, tightest) = (processes(experiment), Crowd::groups().into_iter().min_by_key(|group| group.left));
    match tightest.filter(|group| stays && group.left < needed) {
        Some(group) => Err(Failure::new(
            format!("the experiment takes {needed} processes or more, and {} lets {} more start", group, group.left),
            "raise the limit, or choose arms with `--arms`",
        )),
        None => Ok(()),
    }
}

/// The least number of processes that stand at a time: threads come on top.
fn processes(experiment: &Experiment) -> u64 {
    let pods = experiment.topology.graph.pods().count() + 1;
    let of_arm = |arm: &crate::experiment::Arm| 1 + pods * if arm.plane == plane::Plane::None { 2 } else { 3 };
    experiment.standing().iter().map(of_arm).sum::<usize>() as u64
}

/// Lets this program, and all that it starts, open as many files as the host grants: a lab takes several for each pod.
pub fn open_many_files() {
    if let Ok((_, granted)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Nobody may be refused what is granted; a run that needs more says so when it does.
        setrlimit(Resource::RLIMIT_NOFILE, granted, granted).ok();
    }
}

/// A control group with a limit on its processes and threads.
struct Crowd {
    folder: PathBuf,
    most: u64,
    left: u64,
    /// How often one more was refused.
    refused: u64,
}

impl std::fmt::Display for Crowd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the limit of {} in {}", self.most, self.folder.join("pids.max").display())
    }
}

impl Crowd {
    /// This program's groups and those above them that have a limit.
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

/// The folders of a group that counts processes, from a line of `/proc/self/cgroup`, and of all above it.
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

/// Limits on processes as they were when something began, to tell whether they are why it failed.
pub struct Refusals(Vec<Crowd>);

impl Refusals {
    /// Until now.
    pub fn so_far() -> Self {
        Self(Crowd::groups())
    }

    /// What to do if one has refused a process since.
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
