//! Marks: what a run makes bears its id, and a file says what that is and, by its lock, whether somebody still holds it. What
//! no such file tells of is somebody else's, whatever its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::folder::{FOLDER, make_folder};
use crate::namespace::{NETNS_FOLDER, forget_netns, put_names_away};
use crate::trees::Trees;

/// Prefix of every name that a run gives to a namespace or control group.
pub(crate) const PREFIX: &str = "meshtax-";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const PATIENCE: Duration = Duration::from_secs(5);
/// How long applications may take to end once they are told to.
const GRACE: Duration = Duration::from_secs(5);
/// Name of the control group of a pod's application.
const APP: &str = "app";

/// A run's id, held by a lock for as long as this value lives.
#[derive(Debug)]
pub struct Claim {
    id: String,
    lock: Flock<File>,
    mark: Mark,
}

/// What a run has made, as its file tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Of which life of the machine.
    boot: String,
    /// Control groups, each with all below it.
    groups: Vec<MarkedGroup>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct MarkedGroup {
    path: PathBuf,
    inode: u64,
}

impl Mark {
    /// Reads the mark of a lab from its file. Without a file, nothing belongs to the lab.
    fn of(id: &str) -> Mark {
        let read = |path: PathBuf| serde_json::from_slice(&fs::read(path).ok()?).ok();
        [lock_path(id), kept_path(id)].into_iter().find_map(read).unwrap_or_default()
    }

    /// Whether a control group that bears the id is the very one that was made. One that was ended before it could note any
    /// has nothing in it.
    fn has(&self, path: &Path) -> bool {
        let inode = fs::metadata(path).map(|group| group.ino()).ok();
        let is_it = |group: &MarkedGroup| group.path == path && Some(group.inode) == inode;
        let is_empty = || Trees::processes(&[path.to_owned()]).is_ok_and(|processes| processes.is_empty());
        let is_noted = if self.groups.is_empty() { is_empty() } else { self.groups.iter().any(is_it) };
        is_noted && boot().is_ok_and(|boot| boot == self.boot)
    }
}

impl Claim {
    /// The id: letters and digits only, as `20261122t093015k7`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Makes the run's control groups, and notes that they are its.
    pub(crate) fn make_groups(&mut self, trees: &Trees, is_limited: bool) -> io::Result<()> {
        let made = trees.begin(&group_name(&self.id), is_limited)?;
        self.mark.groups = made.into_iter().map(|(path, inode)| MarkedGroup { path, inode }).collect();
        write_mark(&mut self.lock, &self.mark)
    }

    /// Lets the id go, but remembers that its lab is to stay until somebody asks for it to be removed.
    pub fn keep(self) -> io::Result<()> {
        write_mark(&mut create(&kept_path(&self.id))?, &self.mark)
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
    /// Id of the lab.
    pub id: String,
    /// Whether its user asked for it to stay.
    pub kept: bool,
}

/// Takes a fresh id and its lock.
pub fn claim() -> io::Result<Claim> {
    make_folder(Path::new(FOLDER))?;
    loop {
        let id = fresh_id();
        let path = lock_path(&id);
        let file = match create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            other => other?,
        };
        // Somebody who sweeps may have locked and removed the file between the two calls: then try another id.
        if let Some(mut lock) = lock(file, &path)? {
            let mark = Mark { boot: boot()?, groups: Vec::new() };
            write_mark(&mut lock, &mark)?;
            return Ok(Claim { id, lock, mark });
        }
    }
}

/// Every lab whose file nobody holds.
pub fn leftovers() -> io::Result<Vec<Leftover>> {
    let id = |name: &String| Some(name.strip_suffix(".lock").or_else(|| name.strip_suffix(".kept"))?.to_owned());
    let mut ids: Vec<String> = entries(FOLDER)?.iter().filter_map(id).collect();
    ids.sort();
    ids.dedup();
    ids.retain(|id| !is_held(id));
    Ok(ids.into_iter().map(|id| Leftover { kept: kept_path(&id).exists(), id }).collect())
}

/// Ends and removes what a lab has made: processes (known by their control groups), groups, namespaces, files. Does nothing
/// if somebody holds the id by now.
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
    let_applications_end(id, trees)?;
    let groups = groups_of(id, trees);
    end_processes(&groups)?;
    for name in entries(NETNS_FOLDER)? {
        if id_of(&name) == Some(id) {
            forget_netns(&name)?;
        }
    }
    put_names_away()?;
    groups.iter().try_for_each(|group| Trees::remove(group, PATIENCE))?;
    for path in [kept_path(id), lock_path(id)] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The control groups that a lab has made.
fn groups_of(id: &str, trees: &Trees) -> Vec<PathBuf> {
    let mark = Mark::of(id);
    let mut groups = trees.at(&group_name(id));
    groups.retain(|group| mark.has(group));
    groups
}

/// Tells applications to end and gives them time for it. As from a kubelet, the first process of a container hears of it.
pub(crate) fn let_applications_end(id: &str, trees: &Trees) -> io::Result<()> {
    let below = groups_of(id, trees).iter().map(|group| Trees::below(group, APP)).collect::<io::Result<Vec<_>>>()?;
    let groups = below.concat();
    let processes = Trees::processes(&groups)?;
    for process in processes.iter().filter(|process| **process > 0 && !processes.contains(&parent(**process))) {
        kill(Pid::from_raw(*process), Signal::SIGTERM).or_else(ignore_gone)?;
    }
    let deadline = Instant::now() + GRACE;
    while !Trees::processes(&groups)?.is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// The parent of a process, 0 if it is gone.
fn parent(process: i32) -> i32 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().nth(1).and_then(|parent| parent.parse().ok()).unwrap_or_default()
}

fn end_processes(groups: &[PathBuf]) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let processes = Trees::processes(groups)?;
        if processes.is_empty() {
            return Ok(());
        }
        // To signal 0 is to signal this program's own process group.
        if processes.contains(&0) {
            return Err(io::Error::other("its control groups hold processes that this PID namespace does not show"));
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

fn id_of(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)?.split('-').next()
}

fn group_name(id: &str) -> PathBuf {
    PathBuf::from(format!("{PREFIX}{id}"))
}

fn boot() -> io::Result<String> {
    Ok(fs::read_to_string(BOOT_ID)?.trim_end().to_owned())
}

/// A file that only root reads: whoever may open it may lock it, too.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// In one call, over what was there, which was shorter: whoever is killed meanwhile leaves one or the other.
fn write_mark(file: &mut File, mark: &Mark) -> io::Result<()> {
    let text = serde_json::to_string(mark).expect("a mark is made of strings and numbers");
    file.rewind()?;
    file.write_all(text.as_bytes())
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
    Path::new(FOLDER).join(format!("{id}.lock"))
}

fn kept_path(id: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{id}.kept"))
}

fn fresh_id() -> String {
    let mut rng = rand::rng();
    let mut letter = || char::from(b'a' + rng.random_range(0..26u8));
    format!("{}{}{}", jiff::Zoned::now().strftime("%Y%m%dt%H%M%S"), letter(), letter())
}

#[cfg(test)]
mod tests;
