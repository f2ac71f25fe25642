//! Checks of commands that are refused before anything starts.

use std::path::Path;
use std::process::Command;

/// Checks that `command` is refused: exit status 2, exactly `error` and `hint` on standard error, and nothing on
/// standard output. Its working folder `home` must stay unchanged, because nothing may have started.
pub fn refuses(command: &mut Command, home: &Path, error: &str, hint: &str) {
    let before = listing(home);
    let output = command.current_dir(home).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), format!("error: {error}\n\nhint: {hint}\n"), "{command:?}");
    assert_eq!(output.status.code(), Some(2), "{command:?}");
    assert!(output.stdout.is_empty(), "{command:?}");
    assert_eq!(listing(home), before, "{command:?} left something behind");
}

/// Returns the paths of everything below a folder.
fn listing(folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(listing(&path));
        }
        paths.push(path.to_string_lossy().into_owned());
    }
    paths.sort();
    paths
}
