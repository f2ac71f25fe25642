use std::fmt;
use std::path::{Path, PathBuf};

use crate::text::Text;
use crate::{Container, MeterError};

/// Where hosts mount their control groups.
const MOUNTED: &str = "/sys/fs/cgroup";

/// The control groups of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroups {
    pub(crate) mode: Mode,
    /// Root under which `proc` and `sys` are looked for.
    pub(crate) root: PathBuf,
    /// Tree that tells CPU time: v2, or v1 `cpuacct`.
    pub(crate) cpu: PathBuf,
    /// v1 `memory`, where mounted.
    pub(crate) memory: Option<PathBuf>,
    /// Tree whose groups have CPU quotas: v1 `cpu` where mounted, else v2.
    pub(crate) quota: Option<PathBuf>,
}

/// How a host arranges its control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One tree with all controllers.
    V2,
    /// v1 controllers, and beside them a v2 tree with none; its groups tell CPU time all the same.
    Hybrid,
    /// v1 controllers only.
    V1,
}

/// Mounts below `/sys/fs/cgroup` that matter.
#[derive(Default)]
struct Mounts {
    v2: Option<PathBuf>,
    cpu: Option<PathBuf>,
    cpuacct: Option<PathBuf>,
    memory: Option<PathBuf>,
}

impl Cgroups {
    /// Looks at what is mounted; `root` is `/` except in tests.
    ///
    /// # Errors
    ///
    /// No usable tree, or no `proc` under the root.
    pub fn discover(root: &Path) -> Result<Self, MeterError> {
        let mounts = Mounts::read(&Text::open(root.join("proc/self/mountinfo"))?.read()?);
        let quota = mounts.cpu.or_else(|| mounts.v2.clone());
        let (mode, cpu) = match (mounts.v2, mounts.cpuacct) {
            (Some(v2), None) if mounts.memory.is_none() => (Mode::V2, v2),
            (Some(v2), _) => (Mode::Hybrid, v2),
            (None, Some(cpuacct)) => (Mode::V1, cpuacct),
            (None, None) => return Err(MeterError::NoCgroups),
        };
        let below = |path: PathBuf| root.join(path.strip_prefix("/").expect("mount points are absolute"));
        Ok(Self {
            mode,
            root: root.to_owned(),
            cpu: below(cpu),
            memory: mounts.memory.map(below),
            quota: quota.map(below),
        })
    }

    /// How this host arranges them.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The meter of the container whose group is `path` (such as `meshtax-x/none/web-v1/app`) in each tree.
    ///
    /// # Errors
    ///
    /// The group does not exist.
    pub fn container(&self, pod: &str, container: &str, path: &Path) -> Result<Container, MeterError> {
        Container::open(pod, container, self, path)
    }
}

impl Mounts {
    /// Reads mountinfo: `36 35 98:0 / /mount/point rw,noatime master:1 - type source options` (proc_pid_mountinfo(5)).
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
impl fmt::Display for Mode {
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
