use std::path::{Path, PathBuf};

use cgroup::{CgroupMode, Layout};

use crate::text::Text;
use crate::{ContainerMeter, MeterError};

/// The control groups of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroups {
    /// Their trees, below `root`.
    pub(crate) layout: Layout,
    /// Root under which `proc` and `sys` are looked for.
    pub(crate) root: PathBuf,
}

impl Cgroups {
    /// Looks at what is mounted; `root` is `/` except in tests.
    ///
    /// # Errors
    ///
    /// No usable tree, or no `proc` under the root.
    pub fn discover(root: &Path) -> Result<Self, MeterError> {
        let layout =
            Layout::parse(&Text::open(root.join("proc/self/mountinfo"))?.read()?).map_err(MeterError::NoCgroups)?;
        Ok(Self { layout: layout.below(root), root: root.to_owned() })
    }

    /// How this host arranges them.
    pub fn mode(&self) -> CgroupMode {
        self.layout.mode
    }

    /// The meter of the container whose group is `path` (such as `meshtax-x/none/web-v1/app`) in each tree.
    ///
    /// # Errors
    ///
    /// The group does not exist.
    pub fn container(&self, pod: &str, container: &str, path: &Path) -> Result<ContainerMeter, MeterError> {
        ContainerMeter::open(pod, container, self, path)
    }
}

#[cfg(test)]
mod tests;
