use std::io;
use std::path::{Path, PathBuf};

/// Reads the text of a file that an experiment names.
pub type ReadText<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// The file of an experiment, and how files beside it are read.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// The experiment's file.
    pub path: &'a Path,
    /// Reads other files.
    pub read: ReadText<'a>,
}

impl Origin<'_> {
    /// Resolves a path that is relative to the experiment's folder.
    pub fn beside(self, file: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(file)
    }
}
