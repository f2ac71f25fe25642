//! Marks: names by which everything that a run makes can be found again, and the lock that tells whether somebody
//! still holds them.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::RngExt;

use crate::cgroup::Trees;
use crate::namespace::{NETNS_FOLDER, forget_netns};

/// Prefix of every name that a run gives to a namespace or control group.
pub(crate) const PREFIX: &str = "meshtax-";
const LOCK_FOLDER: &str = "/run/meshtax";
const PATIENCE: Duration = Duration::from_secs(5);

/// A run's id, held by a lock for as long as this value lives.
#[derive(Debug)]
pub struct Claim {
    id: String,
    #[expect(dead_code, reason = "held until dropped")]
    lock: Flock<File>,
}

impl Claim {
    /// The id: letters and digits only, as `20261122t093015k7`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Lets the id go, but remembers that its lab is to stay until somebody asks for it to be removed.
    pub fn keep(self) -> io::Result<()> {
        File::create(kept_path(&self.id))?;
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // What bears the id is found by its name, too; a lock file that stays is removed by the next sweep.
        fs::remove_file(lock_path(&self.id)).ok();
    }
}

/// What an earlier run left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Its id.
    pub id: String,
    /// Whether its user asked for it to stay.
    pub kept: bool,
}

/// Takes a fresh id and its lock.
pub fn claim() -> io::Result<Claim> {
    fs::create_dir_all(LOCK_FOLDER)?;
    loop {
        let id = fresh_id();
        let path = lock_path(&id);
        let file = match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            other => other?,
        };
        // Somebody who sweeps may have locked and removed the file between the two calls: then try another id.
        if let Some(lock) = lock(file, &path)? {
            return Ok(Claim { id, lock });
        }
    }
}

/// Everything that bears an id which nobody holds.
pub fn leftovers(trees: &Trees) -> io::Result<Vec<Leftover>> {
    let mut ids = marks(trees)?;
    ids.sort();
    ids.dedup();
    ids.retain(|id| !is_held(id));
    Ok(ids.into_iter().map(|id| Leftover { kept: kept_path(&id).exists(), id }).collect())
}

/// Ends and removes whatever bears `id`: processes (known by their control groups), groups, namespaces, lock. Does
/// nothing if somebody holds the id by now.
pub fn remove(id: &str, trees: &Trees) -> io::Result<()> {
    let path = lock_path(id);
    let _held = match File::open(&path) {
        Ok(file) => match lock(file, &path)? {
            None => return Ok(()),
            held => held,
        },
        Err(_) => None,
    };
    sweep(id, trees)
}

/// [`remove`] for whoever holds the id.
pub(crate) fn sweep(id: &str, trees: &Trees) -> io::Result<()> {
    let group = PathBuf::from(format!("{PREFIX}{id}"));
    end_processes(&group, trees)?;
    for name in netns_names()? {
        if id_of(&name) == Some(id) {
            forget_netns(&name)?;
        }
    }
    trees.remove(&group, PATIENCE)?;
    for path in [kept_path(id), lock_path(id)] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn end_processes(group: &Path, trees: &Trees) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let processes = trees.processes(group)?;
        if processes.is_empty() {
            return Ok(());
        }
        for process in &processes {
            // ESRCH: it ended by itself in between.
            kill(Pid::from_raw(*process), Signal::SIGKILL).or_else(ignore_gone)?;
        }
        if Instant::now() > deadline {
            return Err(io::Error::other(format!("processes {processes:?} do not end")));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn ignore_gone(error: nix::Error) -> nix::Result<()> {
    if error == nix::Error::ESRCH { Ok(()) } else { Err(error) }
}

fn marks(trees: &Trees) -> io::Result<Vec<String>> {
    let mut names = netns_names()?;
    names.extend(trees.named(PREFIX)?);
    let mut ids: Vec<String> = names.iter().filter_map(|name| id_of(name)).map(str::to_owned).collect();
    for name in entries(LOCK_FOLDER)? {
        if let Some(id) = name.strip_suffix(".lock") {
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

fn id_of(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)?.split('-').next()
}

fn netns_names() -> io::Result<Vec<String>> {
    entries(NETNS_FOLDER)
}

fn entries(folder: &str) -> io::Result<Vec<String>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
    }
}

fn is_held(id: &str) -> bool {
    let path = lock_path(id);
    match File::open(&path) {
        Ok(file) => matches!(lock(file, &path), Ok(None)),
        Err(_) => false,
    }
}

/// The lock on `file`, or none if another process has it or `path` no longer leads to this file.
fn lock(file: File, path: &Path) -> io::Result<Option<Flock<File>>> {
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => {
            let same =
                fs::metadata(path).is_ok_and(|there| lock.metadata().is_ok_and(|here| here.ino() == there.ino()));
            Ok(same.then_some(lock))
        }
        Err((_, nix::Error::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}

fn lock_path(id: &str) -> PathBuf {
    Path::new(LOCK_FOLDER).join(format!("{id}.lock"))
}

fn kept_path(id: &str) -> PathBuf {
    Path::new(LOCK_FOLDER).join(format!("{id}.kept"))
}

fn fresh_id() -> String {
    let mut rng = rand::rng();
    let mut letter = || char::from(b'a' + rng.random_range(0..26u8));
    format!("{}{}{}", jiff::Zoned::now().strftime("%Y%m%dt%H%M%S"), letter(), letter())
}

#[cfg(test)]
mod tests;
