use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// No such process.
const ESRCH: i32 = 3;

/// What is read at once; most files are smaller, so that one call reads them.
const ROOM_BYTES: usize = 8192;

/// Why something cannot be metered.
#[derive(Debug, thiserror::Error)]
pub enum MeterError {
    /// No control groups are mounted below `/sys/fs/cgroup` that tell CPU time.
    #[error(transparent)]
    NoCgroups(cgroup::NoCgroups),
    /// A file cannot be read; `NotFound` or `ENODEV` where a control group has been removed.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file does not say what the kernel documents.
    #[error("`{}` has no valid `{field}`", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        field: &'static str,
    },
}

/// A small file of the kernel that is opened once and read many times.
#[derive(Debug)]
pub(crate) struct Text {
    path: PathBuf,
    file: File,
}

impl Text {
    pub(crate) fn open(path: PathBuf) -> Result<Self, MeterError> {
        match File::open(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(MeterError::Read { path, source }),
        }
    }

    /// What it says now.
    pub(crate) fn read(&self) -> Result<String, MeterError> {
        let read = read_whole(&self.file).and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other));
        read.map_err(|source| MeterError::Read { path: self.path.clone(), source })
    }

    /// The number that is all that it says; `field` names it if it is none.
    pub(crate) fn number(&self, field: &'static str) -> Result<u64, MeterError> {
        self.read()?.trim().parse().map_err(|_| self.lacks(field))
    }

    /// Numbers from lines of the form `field number`.
    pub(crate) fn fields<const N: usize>(&self, fields: [&'static str; N]) -> Result<[u64; N], MeterError> {
        let text = self.read()?;
        let mut numbers = [0; N];
        for (number, field) in numbers.iter_mut().zip(fields) {
            *number = find(&text, field).ok_or_else(|| self.lacks(field))?;
        }
        Ok(numbers)
    }

    pub(crate) fn lacks(&self, field: &'static str) -> MeterError {
        MeterError::Format { path: self.path.clone(), field }
    }
}

/// The number after `key` at the start of a line.
pub(crate) fn find(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_whitespace);
    lines.find_map(|mut words| (words.next() == Some(key)).then(|| words.next())?)?.parse().ok()
}

/// Reads a file that is not kept open; none if it, or what it tells of, is gone.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<String>, MeterError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        // A process that ends while its file is read gives ESRCH.
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH) => Ok(None),
        Err(source) => Err(MeterError::Read { path: path.to_owned(), source }),
    }
}

/// Reads from the start, without moving the file's position: the kernel then writes such a file anew.
fn read_whole(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; ROOM_BYTES];
    let mut length = 0;
    loop {
        match file.read_at(&mut bytes[length..], length as u64) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(0) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            Ok(count) => {
                length += count;
                bytes.resize(length + ROOM_BYTES, 0);
            }
        }
    }
}
