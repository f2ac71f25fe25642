//! Files of a lab.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::Path;

/// Writes a file into a folder in which another user may write: made beside its place and renamed, so that no link leads what
/// root writes elsewhere.
pub fn write_anew(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::create_new(&beside)?.write_all(text.as_bytes())?;
    fs::rename(&beside, path)
}

/// Writes a file that only `owner` may read, in a folder that only `owner` may enter.
pub(crate) fn write_private(path: &Path, text: &str, owner: u32) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    fchown(&file, Some(owner), Some(owner))
}
