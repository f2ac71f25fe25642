use std::fmt;
use std::path::{Path, PathBuf};

/// Where hosts mount their control groups.
const MOUNTED: &str = "/sys/fs/cgroup";

/// The trees of control groups of a host, by their mount points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How the host arranges them.
    pub mode: CgroupMode,
    /// Tree that tells CPU time: v2, or v1 `cpuacct`.
    pub cpu: PathBuf,
    /// v1 `memory`, where mounted; the v2 tree tells memory elsewhere.
    pub memory: Option<PathBuf>,
    /// v1 `cpu`, where mounted: its groups have CPU quotas. The v2 tree has them elsewhere.
    pub quota: Option<PathBuf>,
    /// The v2 tree, where mounted.
    pub v2: Option<PathBuf>,
}

/// How a host arranges its control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupMode {
    /// One unified tree with all controllers.
    V2,
    /// v1 controllers, and beside them a v2 tree without any; its groups tell CPU time all the same.
    Hybrid,
    /// v1 controllers only.
    V1,
}

/// No control groups are mounted that tell CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no cgroup v2 tree and no v1 `cpuacct` controller below `/sys/fs/cgroup`")]
pub struct NoCgroups;

/// Mounts below `/sys/fs/cgroup` that matter.
#[derive(Default)]
struct CgroupMounts {
    v2: Option<PathBuf>,
    cpu: Option<PathBuf>,
    cpuacct: Option<PathBuf>,
    memory: Option<PathBuf>,
}

impl Layout {
    /// The layout that `mountinfo` tells of, as `/proc/self/mountinfo` writes it (proc_pid_mountinfo(5)).
    ///
    /// # Errors
    ///
    /// Neither a v2 tree nor v1 `cpuacct` is mounted below `/sys/fs/cgroup`.
    pub fn parse(mountinfo: &str) -> Result<Self, NoCgroups> {
        let CgroupMounts { v2, cpu, cpuacct, memory } = CgroupMounts::read(mountinfo);
        let (mode, tells_cpu) = match (&v2, cpuacct) {
            (Some(v2), None) if memory.is_none() => (CgroupMode::V2, v2.clone()),
            (Some(v2), _) => (CgroupMode::Hybrid, v2.clone()),
            (None, Some(cpuacct)) => (CgroupMode::V1, cpuacct),
            (None, None) => return Err(NoCgroups),
        };
        Ok(Self { mode, cpu: tells_cpu, memory, quota: cpu, v2 })
    }

    /// The same trees below `root` instead of `/`.
    #[must_use]
    pub fn below(self, root: &Path) -> Self {
        let below = |path: PathBuf| root.join(path.strip_prefix("/").expect("mount points are absolute"));
        Self {
            mode: self.mode,
            cpu: below(self.cpu),
            memory: self.memory.map(below),
            quota: self.quota.map(below),
            v2: self.v2.map(below),
        }
    }
}

impl CgroupMounts {
    /// Reads lines such as `36 35 98:0 / /mount/point rw,noatime master:1 - type source options`.
    fn read(mountinfo: &str) -> Self {
        let mut mounts = Self::default();
        for line in mountinfo.lines() {
            let Some((mount, filesystem)) = line.split_once(" - ") else { continue };
            let Some(point) = mount.split(' ').nth(4).filter(|point| Path::new(point).starts_with(MOUNTED)) else {
                continue;
            };
            let mut filesystem = filesystem.split(' ');
            let (kind, options) = (filesystem.next(), filesystem.nth(1).unwrap_or_default());
            let has = |controller| options.split(',').any(|option| option == controller);
            match kind {
                Some("cgroup2") => mounts.v2 = Some(point.into()),
                // One mount can carry both, as `cpu,cpuacct` shows.
                Some("cgroup") => {
                    mounts.cpu = mounts.cpu.or_else(|| has("cpu").then(|| point.into()));
                    mounts.cpuacct = mounts.cpuacct.or_else(|| has("cpuacct").then(|| point.into()));
                    mounts.memory = mounts.memory.or_else(|| has("memory").then(|| point.into()));
                }
                _ => {}
            }
        }
        mounts
    }
}

/// `v2`, `hybrid` or `v1`, as the contract names them.
impl fmt::Display for CgroupMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2 => "v2",
            Self::Hybrid => "hybrid",
            Self::V1 => "v1",
        })
    }
}

#[cfg(test)]
mod tests;
