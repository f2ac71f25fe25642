//! Files that are read whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

/// Most bytes of a file that somebody writes by hand.
const WRITTEN_MAX: u64 = 16 << 20;

/// The text of a file that somebody has written, or of a pipe (`<(…)`).
///
/// # Errors
///
/// It cannot be read, is no text, or is longer than anybody writes, as `/dev/zero` is.
pub fn written(path: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(path)?.take(WRITTEN_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > WRITTEN_MAX {
        return Err(io::Error::other(format!("it is longer than {} MiB", WRITTEN_MAX >> 20)));
    }
    String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The text of a file of a run folder.
///
/// # Errors
///
/// It cannot be read, is no text, or is something that might never end, such as a pipe.
pub fn recorded(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    io::read_to_string(file)
}
