//! Passes the commit that is built to the compiler.

use std::path::Path;
use std::process::Command;

fn main() {
    let version = env!("CARGO_PKG_VERSION");
    let named = commit().map_or_else(|| version.to_owned(), |commit| format!("{version} ({commit})"));
    println!("cargo:rustc-env=MESHTAX_VERSION={named}");
    println!("cargo:rerun-if-changed=build.rs");
}

/// Returns the abbreviated commit of the checkout, or `None` outside a checkout, as in an unpacked archive.
fn commit() -> Option<String> {
    // These files change when another commit is checked out or made. A packed reference has no file of its own.
    let files = ["HEAD", "logs/HEAD"].into_iter().filter_map(|name| git(&["rev-parse", "--git-path", name]));
    for file in files.filter(|file| Path::new(file).exists()) {
        println!("cargo:rerun-if-changed={file}");
    }
    git(&["rev-parse", "--short=7", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
