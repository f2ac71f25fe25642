use std::os::fd::{AsFd, AsRawFd};

use libbpf_rs::query::MapInfoIter;
use libbpf_rs::{MapType, OpenObject};

use super::{Gap, Probe, program};
use crate::object::attach_to_root;

/// What looks at each socket that is closed, for what a sockmap has hung on it.
const ON_RELEASE: &str = "on_release";

/// Has the program loaded that looks at sockets as they are closed, if there are sockmaps on this machine: elsewhere it
/// would cost each connection something and find nothing.
pub(super) fn fit_sockmaps(open: &mut OpenObject) {
    let is_sockmap = |kind: MapType| matches!(kind, MapType::Sockmap | MapType::Sockhash);
    if !MapInfoIter::default().any(|map| is_sockmap(map.ty)) {
        return;
    }
    let mut program =
        open.progs_mut().find(|program| program.name() == ON_RELEASE).expect("the object has this program");
    program.set_autoload(true);
}

impl Probe {
    /// Attaches the program that looks at sockets as they are closed, if it is loaded.
    pub(super) fn watch_sockmaps(&mut self) {
        if program(&self.object, ON_RELEASE).as_fd().as_raw_fd() < 0 {
            return;
        }
        match attach_to_root(&self.object, ON_RELEASE) {
            Ok(link) => self.attached.push(link),
            Err(why) => self.gaps.push(Gap { what: "what a sockmap carries past TCP of all connections", why }),
        }
    }
}
