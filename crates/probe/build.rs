//! Makes the structures of counters in C, and compiles the programs for the kernel with clang.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: &str = "src/bpf";
const PROGRAMS: [&str; 5] = ["dns", "drops", "event", "tcp", "udp"];

/// A structure's name in C, and of each counter the name, what it counts, and its words.
type Structure = (&'static str, &'static [(&'static str, &'static str, usize)]);

/// As in `src/counters.rs`, but for a list of structures instead of the structures.
macro_rules! counters {
    ($(
        $(#[doc = $about_all:literal])*
        pub struct $name:ident as $c:literal {
            $(#[doc = $about:literal] $(#[doc = $more:literal])* pub $field:ident: $words:ty,)*
        }
    )*) => {
        pub const STRUCTURES: &[super::Structure] =
            &[$(($c, &[$((stringify!($field), $about, size_of::<$words>() / size_of::<u64>()),)*]),)*];
    };
}

mod tcp {
    include!("src/tcp/counters.rs");
}
mod dns {
    include!("src/dns/counters.rs");
}
mod udp {
    include!("src/udp/counters.rs");
}
mod drops {
    include!("src/drops/counters.rs");
}

/// What each witness counts, and in which header its structures are.
const COUNTED: [(&str, &[Structure]); 4] =
    [("tcp", tcp::STRUCTURES), ("dns", dns::STRUCTURES), ("udp", udp::STRUCTURES), ("drops", drops::STRUCTURES)];

fn main() {
    println!("cargo:rerun-if-changed={SOURCES}");
    println!("cargo:rerun-if-env-changed=CLANG");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets this"));
    let headers = env::var_os("DEP_BPF_INCLUDE").expect("libbpf-sys says where its headers are");
    for (witness, structures) in COUNTED {
        println!("cargo:rerun-if-changed=src/{witness}/counters.rs");
        let file = out.join(format!("{witness}_counters.h"));
        fs::write(&file, structures.iter().map(in_c).collect::<String>())
            .expect("the build's own folder can be written");
    }
    for program in PROGRAMS {
        let source = Path::new(SOURCES).join(format!("{program}.bpf.c"));
        compile(&source, &out.join(format!("{program}.bpf.o")), &[Path::new(&headers), &out]);
    }
}

fn in_c((name, counters): &Structure) -> String {
    let member = |(name, about, words): &(&str, &str, usize)| match words {
        1 => format!("\t__u64 {name}; /*{about} */\n"),
        words => format!("\t__u64 {name}[{words}]; /*{about} */\n"),
    };
    format!("struct {name} {{\n{}}};\n", counters.iter().map(member).collect::<String>())
}

/// CO-RE needs the debugging information; the verifier wants optimised code; atomics that return what was there are of
/// the third instruction set.
fn compile(source: &Path, object: &Path, headers: &[&Path]) {
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let status = Command::new(&clang)
        .args(["-g", "-O2", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror", "-fno-stack-protector"])
        .arg(format!("-D__TARGET_ARCH_{}", architecture()))
        .args(headers.iter().flat_map(|folder| [Path::new("-I"), *folder]))
        .arg("-c")
        .arg(source)
        .arg("-o")
        .arg(object)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("`{clang}` cannot compile {}: {status}", source.display()),
        Err(error) => panic!("cannot run `{clang}` ({error}): install Debian's package `clang`, as `make setup` does"),
    }
}

/// What the kernel calls the processor.
fn architecture() -> String {
    let ours = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets this");
    match ours.as_str() {
        "x86_64" => "x86".to_owned(),
        "aarch64" => "arm64".to_owned(),
        _ => ours,
    }
}
