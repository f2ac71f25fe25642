//! The parts of bcc's tcptop that cause its cost.

use std::path::Path;
use std::process::Command;

use libbpf_rs::{Link, MapCore, MapFlags, Object, ObjectBuilder};

const MAPS: [&str; 2] = ["sent", "received"];

/// The programs, compiled.
pub struct Tcptop(Vec<u8>);

/// The programs in the kernel. They are unloaded when this is dropped.
pub struct Loaded {
    object: Object,
    chosen: &'static [&'static str],
    links: Vec<Link>,
}

impl Tcptop {
    /// Compiles the programs with clang, which building the witness also needs.
    pub fn compile(folder: &Path) -> Self {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
        let object = folder.join("tcptop.bpf.o");
        let status = Command::new(option_env!("CLANG").unwrap_or("clang"))
            .args(["-g", "-O2", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror", "-c"])
            .arg(crates.join("benches/witness/tcptop.bpf.c"))
            .arg("-I")
            .arg(crates.join("../probe/src/bpf"))
            .arg("-o")
            .arg(&object)
            .status();
        assert!(status.expect("clang is there").success());
        Self(std::fs::read(object).expect("clang has written it"))
    }

    /// Loads all programs; `attach` attaches the chosen ones.
    pub fn load(&self, chosen: &'static [&'static str]) -> Loaded {
        let open = ObjectBuilder::default().open_memory(&self.0).expect("clang writes good objects");
        let object = open.load().expect("the kernel takes the programs");
        Loaded { object, chosen, links: Vec::new() }
    }
}

impl Loaded {
    /// Attaches the chosen programs.
    pub fn attach(&mut self) {
        let chosen = self.object.progs_mut().filter(|program| self.chosen.iter().any(|name| program.name() == *name));
        self.links =
            chosen.map(|program| program.attach().expect("Linux 6.3 and later have the tracepoints")).collect();
    }

    /// Detaches the programs.
    pub fn detach(&mut self) {
        self.links.clear();
    }

    /// Reads and clears both maps as bcc does, entry by entry and one pass after the other. Returns the sum in bytes.
    pub fn read_and_clear(&self) -> u64 {
        let ours = self.object.maps().filter(|map| MAPS.iter().any(|name| map.name() == *name));
        ours.map(|map| {
            let bytes = map.keys().filter_map(|key| map.lookup(&key, MapFlags::ANY).ok()?).map(number).sum::<u64>();
            // The last key of a pass would be looked up after its deletion, so the keys are gathered first.
            map.keys().collect::<Vec<_>>().iter().for_each(|key| drop(map.delete(key)));
            bytes
        })
        .sum()
    }
}

fn number(bytes: Vec<u8>) -> u64 {
    u64::from_ne_bytes(bytes.try_into().expect("values have eight bytes"))
}
