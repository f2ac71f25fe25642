use libbpf_rs::query::MapInfoIter;
use libbpf_rs::{MapType, OpenObject};

use crate::witness::Programs;

/// Name of the program that looks for a sockmap's data at each socket that is closed.
const ON_RELEASE: &str = "on_release";

/// Lets the program for sockmaps be loaded, if there are sockmaps on this machine. Without any, it would cost each
/// connection something and find nothing.
pub(super) fn fit_sockmaps(open: &mut OpenObject) {
    let is_sockmap = |kind: MapType| matches!(kind, MapType::Sockmap | MapType::Sockhash);
    if !MapInfoIter::default().any(|map| is_sockmap(map.ty)) {
        return;
    }
    let mut program =
        open.progs_mut().find(|program| program.name() == ON_RELEASE).expect("the object has this program");
    program.set_autoload(true);
}

/// Attaches the program for sockmaps, if it is loaded.
pub(super) fn watch_sockmaps(programs: &mut Programs) {
    if programs.has(ON_RELEASE) {
        programs.attach_to_root_or_gap(ON_RELEASE, "bytes that a sockmap carries past TCP");
    }
}
