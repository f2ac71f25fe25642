//! Reads whole text files.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

/// The largest accepted size of a file that a user writes, in bytes.
const WRITTEN_MAX: u64 = 16 << 20;

/// Reads a file that a user wrote, or a pipe (`<(…)`).
///
/// # Errors
///
/// Returns an error if it cannot be read, is not text, or is too long, as `/dev/zero` is.
pub fn written(path: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(path)?.take(WRITTEN_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > WRITTEN_MAX {
        return Err(io::Error::other(format!("it is longer than {} MiB", WRITTEN_MAX >> 20)));
    }
    String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Reads a file of a run folder.
///
/// # Errors
///
/// Returns an error if it cannot be read, is not text, or might never end, as a pipe might.
pub fn recorded(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    io::read_to_string(file)
}
