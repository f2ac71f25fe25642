use libbpf_rs::{MapCore, MapFlags};

use super::{Tcp, open};
use crate::error::ProbeError;
use crate::object::{forgo_feed, map};

/// Map of the network namespaces whose sockets are followed. If all are followed, it is empty and unused.
pub(super) const SCOPE: &str = "scope";

/// Section with the constant that says whether the programs use that map.
const SCOPED: &str = ".rodata.scoped";

impl Tcp {
    /// Loads the programs for counting only, and only for sockets of these network namespaces, given by inode. Nothing
    /// is recorded about other sockets.
    ///
    /// # Errors
    ///
    /// Returns an error in the cases of [`Tcp::load`], or if there are more than 4,096 namespaces.
    pub fn load_within(namespaces: impl IntoIterator<Item = u32>) -> Result<Self, ProbeError> {
        let mut object = open()?;
        forgo_feed(&mut object);
        let mut scoped =
            object.maps_mut().find(|map| map.name() == SCOPED).expect("the object says whether it has one");
        scoped.set_initial_value(&1u32.to_ne_bytes()).map_err(ProbeError::refused("tcp"))?;
        let object = object.load().map_err(ProbeError::refused("tcp"))?;
        for netns in namespaces {
            map(&object, SCOPE).update(&netns.to_ne_bytes(), &[1], MapFlags::ANY).map_err(ProbeError::Map)?;
        }
        Self::with_snapshots(object)
    }
}
