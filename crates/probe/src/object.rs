//! What programs have in common: their maps fit the kernel at hand, and those beside TCP's note whose sockets are.

use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use libbpf_rs::btf::{Btf, types};
use libbpf_rs::libbpf_sys::BPF_F_NO_PREALLOC;
use libbpf_rs::{Link, MapType, Object, ObjectBuilder, OpenObject, ReferencesType};

use crate::error::{ProbeError, told};
use crate::group::root_group;
use crate::probe::{Gap, iterator, program, read_through};

/// What notes the owner of a socket as it is made.
const ON_SOCKET: &str = "on_socket";

/// Where TCP's programs are told whether anybody listens.
const FEED: &str = ".rodata.feed";

/// Why kernels that are older tell less.
pub(crate) const NO_STORAGE: &str = "before Linux 5.12 no program may keep anything in a socket";

/// Programs that are not loaded yet. Where the kernel has an allocator for programs, their hash maps take memory as they
/// fill; elsewhere all of it from the start, as a program that asks for more may ask at the wrong time.
pub(crate) fn open_object(bytes: &[u8]) -> Result<OpenObject, libbpf_rs::Error> {
    let mut open = ObjectBuilder::default().open_memory(bytes)?;
    if has_allocator() {
        for mut map in open.maps_mut().filter(|map| map.map_type() == MapType::Hash) {
            let flags = map.map_flags() | BPF_F_NO_PREALLOC;
            map.set_map_flags(flags)?;
        }
    }
    Ok(open)
}

/// Linux 6.1 and newer.
fn has_allocator() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let find = |kernel: Btf| kernel.type_by_name::<types::Struct>("bpf_mem_alloc").is_some();
    *FOUND.get_or_init(|| Btf::from_vmlinux().is_ok_and(find))
}

/// Loads programs. Of those that fit some kernels only, `chosen` are loaded; `set` sets options.
pub(crate) fn load(bytes: &[u8], chosen: &[&str], set: impl Fn(&mut OpenObject)) -> Result<Object, libbpf_rs::Error> {
    let load = |chosen: &[&str]| {
        let mut open = open_object(bytes)?;
        for mut program in open.progs_mut() {
            if chosen.iter().any(|name| program.name() == *name) {
                program.set_autoload(true);
            }
        }
        set(&mut open);
        open.load()
    };
    // Older kernels do not let it see what it has to.
    load(&[chosen, &[ON_SOCKET]].concat()).or_else(|_| load(chosen))
}

/// Leaves no room for the feed, which nobody asks for: a ring is made of whole pages, however large these are.
pub(crate) fn forgo_feed(open: &mut OpenObject) {
    const RING_MIN: u32 = 65_536;
    let mut events = open.maps_mut().find(|map| map.name() == "events").expect("the object has a ring");
    events.set_max_entries(RING_MIN).expect("it is not loaded yet");
    if let Some(mut place) = open.maps_mut().find(|map| map.name() == FEED) {
        place.set_initial_value(&0u32.to_ne_bytes()).expect("it is not loaded yet, and of this size");
    }
}

/// Whether the kernel has a tracepoint for programs that know its types.
pub(crate) fn has_tracepoint(kernel: &Btf, tracepoint: &str) -> bool {
    kernel.type_by_name::<types::Typedef>(&format!("btf_trace_{tracepoint}")).is_some()
}

/// How many arguments a tracepoint has, by the type of its probes; the first of theirs is their own.
pub(crate) fn arguments(kernel: &Btf, tracepoint: &str) -> usize {
    let count = || {
        let typedef: types::Typedef = kernel.type_by_name(&format!("btf_trace_{tracepoint}"))?;
        let pointer = types::Ptr::try_from(typedef.referenced_type()).ok()?;
        let probe = types::FuncProto::try_from(pointer.referenced_type()).ok()?;
        probe.iter().count().checked_sub(1)
    };
    count().unwrap_or(0)
}

/// Notes the owners of all sockets: of those that are made from now on, and of those that are there already.
pub(crate) fn own_sockets(object: &Object, attached: &mut Vec<Link>, gaps: &mut Vec<Gap>) -> Result<(), ProbeError> {
    match attach_to_root(object, ON_SOCKET) {
        Ok(link) => attached.push(link),
        Err(why) => gaps.push(Gap { what: "who owns sockets that are made from now on", why }),
    }
    read_through(&iterator(object, "seed_all")?).map(drop)
}

/// Attaches a program to all control groups.
pub(crate) fn attach_to_root(object: &Object, name: &str) -> Result<Link, String> {
    let root = root_group().map_err(|error| told(&error))?;
    program(object, name).attach_cgroup(root.as_raw_fd()).map_err(|error| told(&error))
}
