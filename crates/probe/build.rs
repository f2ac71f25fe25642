//! Generates the C structures of counters, and compiles the BPF programs with clang.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use records::{Counter, Counters, DnsLosses, DnsSeries, DropLosses, TcpLosses, TcpSeries, UdpLosses, UdpSeries};

const SOURCES: &str = "src/bpf";
const PROGRAMS: [&str; 5] = ["dns", "drops", "event", "tcp", "udp"];

/// Returns the C structures of the counters and losses of each witness.
fn counted() -> [(&'static str, Vec<String>); 4] {
    [
        ("tcp", vec![in_c::<TcpSeries>(), in_c::<TcpLosses>()]),
        ("dns", vec![in_c::<DnsSeries>(), in_c::<DnsLosses>()]),
        ("udp", vec![in_c::<UdpSeries>(), in_c::<UdpLosses>()]),
        ("drops", vec![in_c::<u64>(), in_c::<DropLosses>()]),
    ]
}

fn main() {
    println!("cargo:rerun-if-changed={SOURCES}");
    println!("cargo:rerun-if-env-changed=CLANG");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets this"));
    let headers = env::var_os("DEP_BPF_INCLUDE").expect("libbpf-sys says where its headers are");
    for (witness, structures) in counted() {
        let file = out.join(format!("{witness}_counters.h"));
        fs::write(&file, structures.concat()).expect("the build's own folder can be written");
    }
    for program in PROGRAMS {
        let source = Path::new(SOURCES).join(format!("{program}.bpf.c"));
        compile(&source, &out.join(format!("{program}.bpf.o")), &[Path::new(&headers), &out]);
    }
}

/// Returns a structure of counters in C.
fn in_c<S: Counters>() -> String {
    let member = |Counter { name, about, words }: &Counter| match words {
        1 => format!("\t__u64 {name}; /*{about} */\n"),
        words => format!("\t__u64 {name}[{words}]; /*{about} */\n"),
    };
    format!("struct {} {{\n{}}};\n", S::STRUCTURE, S::COUNTERS.iter().map(member).collect::<String>())
}

/// Compiles one source. CO-RE needs debugging information (`-g`), and the verifier needs optimised code. `-mcpu=v3` has
/// the atomic operations that return the old value.
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

/// Returns the kernel's name of the processor's architecture.
fn architecture() -> String {
    let ours = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets this");
    match ours.as_str() {
        "x86_64" => "x86".to_owned(),
        "aarch64" => "arm64".to_owned(),
        _ => ours,
    }
}
