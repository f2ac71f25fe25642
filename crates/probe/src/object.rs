//! What all BPF objects share: maps that fit the running kernel, and the recording of sockets' owners.

use std::io::Read;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use libbpf_rs::btf::{Btf, types};
use libbpf_rs::libbpf_sys::BPF_F_NO_PREALLOC;
use libbpf_rs::{
    Iter, Link, MapCore, MapFlags, MapType, Object, ObjectBuilder, OpenObject, ProgramMut, ReferencesType,
};

use crate::error::{ProbeError, told};
use crate::group::root_group;

/// Name of the program that records a socket's owner when the socket is made.
pub(crate) const ON_SOCKET: &str = "on_socket";

/// Section with the constant that says whether anybody reads the feed.
const FEED: &str = ".rodata.feed";

/// Why kernels that are too old record no owners.
pub(crate) const NO_STORAGE: &str = "this kernel refuses the programs that record them, as all kernels before 5.12 do";

/// Opens an object without loading it. If the kernel has a memory allocator for BPF, its hash maps take memory as they
/// fill. Otherwise they take all memory at the start, because a program may need more at a time when the kernel cannot
/// give it.
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

/// Returns whether the kernel has a memory allocator for BPF, as Linux 6.1 and newer have.
fn has_allocator() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let find = |kernel: Btf| kernel.type_by_name::<types::Struct>("bpf_mem_alloc").is_some();
    *FOUND.get_or_init(|| Btf::from_vmlinux().is_ok_and(find))
}

/// Loads an object. Programs that only some kernels accept are loaded if `chosen` names them. `set` sets options
/// before.
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
    // Older kernels refuse the program that records owners, because it may not read what it needs.
    load(&[chosen, &[ON_SOCKET]].concat()).or_else(|_| load(chosen))
}

/// Shrinks the ring buffer of the feed, which nobody reads. A ring needs whole pages, and pages may be 64 KiB.
pub(crate) fn forgo_feed(open: &mut OpenObject) {
    const RING_MIN: u32 = 65_536;
    let mut events = open.maps_mut().find(|map| map.name() == "events").expect("the object has a ring");
    events.set_max_entries(RING_MIN).expect("it is not loaded yet");
    if let Some(mut place) = open.maps_mut().find(|map| map.name() == FEED) {
        place.set_initial_value(&0u32.to_ne_bytes()).expect("it is not loaded yet, and of this size");
    }
}

/// Returns whether the kernel has this tracepoint for programs of type `tp_btf`.
pub(crate) fn has_tracepoint(kernel: &Btf, tracepoint: &str) -> bool {
    kernel.type_by_name::<types::Typedef>(&format!("btf_trace_{tracepoint}")).is_some()
}

/// Returns the number of arguments of a tracepoint, from the type of its probes. A probe's own first argument is not
/// counted.
pub(crate) fn arguments(kernel: &Btf, tracepoint: &str) -> usize {
    let count = || {
        let typedef: types::Typedef = kernel.type_by_name(&format!("btf_trace_{tracepoint}"))?;
        let pointer = types::Ptr::try_from(typedef.referenced_type()).ok()?;
        let probe = types::FuncProto::try_from(pointer.referenced_type()).ok()?;
        probe.iter().count().checked_sub(1)
    };
    count().unwrap_or(0)
}

/// Attaches a program to the root control group, and so to all control groups.
pub(crate) fn attach_to_root(object: &Object, name: &str) -> Result<Link, String> {
    let root = root_group().map_err(|error| told(&error))?;
    program(object, name).attach_cgroup(root.as_raw_fd()).map_err(|error| told(&error))
}

pub(crate) fn map<'a>(object: &'a Object, name: &str) -> libbpf_rs::Map<'a> {
    object.maps().find(|map| map.name() == name).expect("the object has this map")
}

pub(crate) fn program<'a>(object: &'a Object, name: &str) -> ProgramMut<'a> {
    object.progs_mut().find(|program| program.name() == name).expect("the object has this program")
}

/// A key and its value, as bytes.
type Entry = (Vec<u8>, Vec<u8>);

/// Number of entries read beyond a map's maximum, which a map may exceed for a moment.
const ROOM: u32 = 64;

/// Reads all entries of a map in one batch. The kernel returns whole buckets, so a smaller batch may be short before
/// the end, and libbpf-rs would stop there.
pub(crate) fn entries(map: &libbpf_rs::Map) -> Result<Vec<Entry>, ProbeError> {
    let all = map.max_entries() + ROOM;
    Ok(map.lookup_batch(all, MapFlags::ANY, MapFlags::ANY).map_err(ProbeError::Map)?.collect())
}

/// Removes entries for which `is_gone` is true, and returns their final values. Kernels before 5.14 cannot, and keep
/// them.
pub(crate) fn forget<K, V>(
    map: &libbpf_rs::Map,
    key_of: impl Fn(&[u8]) -> K,
    value_of: impl Fn(&[u8]) -> V,
    is_gone: impl Fn(&K) -> bool,
) -> Result<Vec<(K, V)>, ProbeError> {
    let mut forgotten = Vec::new();
    for (bytes, _) in entries(map)? {
        let key = key_of(&bytes);
        if !is_gone(&key) {
            continue;
        }
        // A kernel that cannot remove one entry atomically cannot remove any.
        let Ok(last) = map.lookup_and_delete(&bytes) else { break };
        forgotten.extend(last.map(|last| (key, value_of(&last))));
    }
    Ok(forgotten)
}

/// Attaches an iterator: a program that runs when it is read.
pub(crate) fn iterator(object: &Object, name: &'static str) -> Result<Link, ProbeError> {
    program(object, name).attach().map_err(ProbeError::refused(name))
}

/// Runs an iterator to its end, and returns what it has written.
pub(crate) fn read_through(link: &Link) -> Result<Vec<u8>, ProbeError> {
    let mut written = Vec::new();
    Iter::new(link).map_err(ProbeError::Map)?.read_to_end(&mut written).map_err(ProbeError::Read)?;
    Ok(written)
}
