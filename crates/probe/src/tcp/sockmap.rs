use libbpf_rs::query::MapInfoIter;
use libbpf_rs::{MapType, OpenObject};

use crate::witness::Programs;

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

/// Attaches the program that looks at sockets as they are closed, if it is loaded.
pub(super) fn watch_sockmaps(programs: &mut Programs) {
    if programs.has(ON_RELEASE) {
        programs.attach_to_root_or_gap(ON_RELEASE, "what a sockmap carries past TCP of all connections");
    }
}
