//! The program under test.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::SystemTime;

/// Environment variable that names another binary to test, such as an older one or the one inside an emulated machine.
const OTHER: &str = "MESHTAX";

/// Extensions of files that are built into the binary.
const SOURCES: [&str; 5] = ["c", "css", "h", "js", "rs"];

/// Returns a command that starts the binary under test.
pub fn meshtax() -> Command {
    Command::new(binary())
}

/// Returns the binary under test: the one that `MESHTAX` names, or else the one that cargo built beside this test.
///
/// # Panics
///
/// Panics if cargo built none, or if a source has changed since. A test of an outdated binary proves nothing.
pub fn binary() -> &'static str {
    static BINARY: OnceLock<String> = OnceLock::new();
    BINARY.get_or_init(|| {
        let binary = match env::var_os(OTHER) {
            Some(other) => fs::canonicalize(&other).unwrap_or_else(|error| panic!("{OTHER}: {error}")),
            None => built(),
        };
        binary.into_os_string().into_string().expect("the path is text")
    })
}

/// Returns `target/debug/meshtax` for a test at `target/debug/deps/root-0123`.
fn built() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own file");
    let binary = test.ancestors().nth(2).expect("cargo puts tests two folders down").join("meshtax");
    let Ok(built) = fs::metadata(&binary).and_then(|facts| facts.modified()) else {
        panic!("there is no {}; run `cargo build` first", binary.display());
    };
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("every room is in `crates`");
    let rooms = entries(crates).filter(|room| !room.ends_with("testbed"));
    let newest = rooms.flat_map(|room| sources(&room.join("src"))).max().expect("there are sources");
    assert!(newest.0 <= built, "{} is newer than {}; run `cargo build` first", newest.1.display(), binary.display());
    binary
}

/// Returns the sources below a folder with the times of their last changes. Unit tests and their output are left out.
fn sources(folder: &Path) -> Vec<(SystemTime, PathBuf)> {
    let ships = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem != "tests");
    let is_source = |path: &Path| path.extension().is_some_and(|kind| SOURCES.iter().any(|known| kind == *known));
    let mut sources = Vec::new();
    for path in entries(folder).filter(ships) {
        let changed = fs::metadata(&path).and_then(|facts| facts.modified());
        match changed {
            Ok(changed) if is_source(&path) => sources.push((changed, path)),
            _ => sources.extend(self::sources(&path)),
        }
    }
    sources
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Returns everything that a program printed, for messages.
pub fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Returns a Python server that answers with what it was asked: an application without a topology.
pub fn echo() -> PathBuf {
    script("echo.py")
}

/// Returns one of the testbed's Python programs. The head of each says what it does.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)
}
