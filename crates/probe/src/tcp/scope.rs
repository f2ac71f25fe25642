use libbpf_rs::{MapCore, MapFlags};

use super::{Tcp, open};
use crate::error::ProbeError;
use crate::object::{forgo_feed, map};

/// Network namespaces whose sockets are followed; empty and unread where all are.
pub(super) const SCOPE: &str = "scope";

/// Where the programs are told that it is read.
const SCOPED: &str = ".rodata.scoped";

impl Tcp {
    /// Like [`Tcp::load`], to count only, as there is no room for a feed, and only sockets of these network namespaces, by
    /// inode: nothing is noted of others.
    ///
    /// # Errors
    ///
    /// Those of [`Tcp::load`], or there are more than 4,096.
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
