//! Compiles the programs for the kernel with clang.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: &str = "src/bpf";
const PROGRAMS: [&str; 5] = ["dns", "drops", "event", "tcp", "udp"];

fn main() {
    println!("cargo:rerun-if-changed={SOURCES}");
    println!("cargo:rerun-if-env-changed=CLANG");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets this"));
    let headers = env::var_os("DEP_BPF_INCLUDE").expect("libbpf-sys says where its headers are");
    for program in PROGRAMS {
        let source = Path::new(SOURCES).join(format!("{program}.bpf.c"));
        compile(&source, &out.join(format!("{program}.bpf.o")), Path::new(&headers));
    }
}

/// CO-RE needs the debugging information; the verifier wants optimised code; atomics that return what was there are of
/// the third instruction set.
fn compile(source: &Path, object: &Path, headers: &Path) {
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let status = Command::new(&clang)
        .args(["-g", "-O2", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror", "-fno-stack-protector"])
        .arg(format!("-D__TARGET_ARCH_{}", architecture()))
        .arg("-I")
        .arg(headers)
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
