use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cgroup::{CgroupMode, Layout};

/// The trees in which a container's group is made, each under the same relative path: the v2 tree or, without one,
/// v1 `cpuacct`, for CPU time; and v1 `memory` where v2 has no memory controller.
#[derive(Clone, Debug)]
pub struct Trees {
    /// How the host arranges them.
    pub mode: CgroupMode,
    /// Mount points.
    pub roots: Vec<PathBuf>,
    /// Mount point of the v1 `cpu` controller, in which only groups with a quota are made: a group alone changes what is
    /// scheduled when.
    pub quotas: Option<PathBuf>,
}

impl Trees {
    /// Looks at what is mounted on `/sys/fs/cgroup`.
    ///
    /// # Errors
    ///
    /// `/proc/self/mountinfo` cannot be read, or tells of no tree that can be used.
    pub fn discover() -> io::Result<Trees> {
        let layout = Layout::parse(&fs::read_to_string("/proc/self/mountinfo")?);
        let Layout { mode, cpu, memory, quota, .. } =
            layout.map_err(|missing| io::Error::new(io::ErrorKind::NotFound, missing))?;
        Ok(Trees { mode, roots: std::iter::once(cpu).chain(memory).collect(), quotas: quota })
    }

    /// Makes the group `path` in each tree and opens its `cgroup.procs`, to be written by whoever joins.
    pub(crate) fn make(&self, path: &Path) -> io::Result<Vec<File>> {
        let with_quota = self.quotas.iter().filter(|root| root.join(path).exists());
        self.roots.iter().chain(with_quota).map(|root| self.make_in(root, path)).collect()
    }

    /// Every tree in which there may be a group of a lab.
    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.roots.iter().chain(&self.quotas)
    }

    fn make_in(&self, root: &Path, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).open(self.create(root, path)?.join("cgroup.procs"))
    }

    /// Makes the group `path` in one of the trees.
    pub(crate) fn create(&self, root: &Path, path: &Path) -> io::Result<PathBuf> {
        let mut group = root.to_owned();
        for part in path {
            if self.mode == CgroupMode::V2 {
                delegate_memory(&group);
            }
            group.push(part);
            match fs::create_dir(&group) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(group)
    }

    /// Makes the top group `name` in each tree that is used; where they are, and their inodes.
    pub(crate) fn begin(&self, name: &Path, is_limited: bool) -> io::Result<Vec<(PathBuf, u64)>> {
        let begin = |root: &PathBuf| {
            let path = self.create(root, name)?;
            let inode = fs::metadata(&path)?.ino();
            Ok((path, inode))
        };
        self.roots.iter().chain(self.quotas.iter().filter(|_| is_limited)).map(begin).collect()
    }

    /// Groups of this name, in whatever tree.
    pub(crate) fn at(&self, name: &Path) -> Vec<PathBuf> {
        self.all().map(|root| root.join(name)).filter(|group| group.exists()).collect()
    }

    /// Every process in these groups or below; 0 stands for one that this PID namespace does not show.
    pub(crate) fn processes(groups: &[PathBuf]) -> io::Result<Vec<i32>> {
        let mut all = Vec::new();
        for group in groups {
            walk(group, &mut |group| {
                let procs = fs::read_to_string(group.join("cgroup.procs"))?;
                all.extend(procs.lines().filter_map(|line| line.parse::<i32>().ok()));
                Ok(())
            })?;
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// Every group of that name below `group`.
    pub(crate) fn below(group: &Path, name: &str) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        walk(group, &mut |group| {
            found.extend(group.ends_with(name).then(|| group.to_owned()));
            Ok(())
        })?;
        Ok(found)
    }

    /// Removes a group and all below it; whoever was inside must have ended. The kernel lets a group go a moment after its
    /// last process, hence the patience. A group that does not exist is no error.
    pub(crate) fn remove(group: &Path, patience: Duration) -> io::Result<()> {
        let deadline = Instant::now() + patience;
        walk(group, &mut |group| {
            loop {
                match fs::remove_dir(group) {
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => return Ok(()),
                }
            }
        })
    }
}

/// Passes the memory controller on to a v2 group's children. Where that is not allowed, memory is read as PSS instead,
/// and the report says so; hence no error.
fn delegate_memory(group: &Path) {
    let controllers = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    let passed_on = fs::read_to_string(group.join("cgroup.subtree_control")).unwrap_or_default();
    let has = |list: &str| list.split_whitespace().any(|name| name == "memory");
    if has(&controllers) && !has(&passed_on) {
        fs::write(group.join("cgroup.subtree_control"), "+memory").ok();
    }
}

/// Visits `group` and everything below it, children first.
fn walk(group: &Path, visit: &mut impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let entries = match fs::read_dir(group) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), visit)?;
        }
    }
    visit(group)
}

#[cfg(test)]
mod tests;
