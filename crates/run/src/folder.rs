use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

/// A run's folder: what was asked, what was used, what was seen, what came out.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
}

/// Why a folder cannot be a run's.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder's name is not text, so programs cannot get it as an argument.
    #[error("the name of the run folder `{}` is no text", .0.display())]
    NoText(PathBuf),
    /// It holds something already.
    #[error("the run folder `{}` is not empty", .0.display())]
    Filled(PathBuf),
    /// It cannot be made, or nothing can be written in it.
    #[error("cannot write to the run folder `{}`", path.display())]
    Unwritable {
        /// Path of the folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RunFolder {
    /// Makes an empty folder at `path`, which must not hold anything yet.
    ///
    /// # Errors
    ///
    /// The folder cannot be a run's.
    pub fn create(path: &Path) -> Result<RunFolder, FolderError> {
        if path.to_str().is_none() {
            return Err(FolderError::NoText(path.to_owned()));
        }
        let filled = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if filled {
            return Err(FolderError::Filled(path.to_owned()));
        }
        fs::create_dir_all(path)
            .and_then(|()| fs::canonicalize(path))
            .and_then(|path| File::create(path.join("experiment.yaml")).map(|_| RunFolder { path }))
            .map_err(|source| FolderError::Unwritable { path: path.to_owned(), source })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file.
    ///
    /// # Errors
    ///
    /// It cannot be written; likewise with all below.
    pub fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes a file that nobody else may read, such as one with what a program is told in its environment.
    pub fn write_private(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        let made = options.write(true).create_new(true).mode(0o600).open(&path);
        made.and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes a file as indented JSON.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
        self.write(name, &format!("{}\n", serde_json::to_string_pretty(value)?))
    }

    /// Adds a line of JSON to a file.
    pub fn append(&self, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
        let path = self.path.join(name);
        let line = format!("{}\n", serde_json::to_string(value)?);
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(line.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
    }
}
