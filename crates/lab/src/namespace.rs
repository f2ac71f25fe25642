//! Network namespaces by name, and programs started inside a pod's namespaces.
//!
//! The only `unsafe` of this crate: [`Command::pre_exec`] runs between `fork` and `exec`, where only system calls are
//! allowed. Everything that allocates is done before.

use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{Gid, Uid, chdir, chroot, fchdir, setgid, setgroups, sethostname, setuid, write};

use crate::folder::{FOLDER, make_folder};
use crate::view::View;

/// Where the network namespaces of labs have their names: a folder and a mount of its own, so that nothing of the host's is
/// mounted once more.
pub(crate) const NETNS_FOLDER: &str = "/run/meshtax/netns";

/// A network namespace that has a name, so that `nsenter --net=/run/meshtax/netns/NAME` enters it.
#[derive(Debug)]
pub struct NetNs {
    name: String,
    file: File,
}

impl NetNs {
    /// Makes an empty network namespace and binds it to its name.
    pub fn create(name: &str) -> io::Result<NetNs> {
        let _lock = share_names()?;
        let path = path_of(name);
        File::create_new(&path)?;
        let bound = in_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            mount(Some("/proc/thread-self/ns/net"), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
            Ok(())
        });
        if let Err(error) = bound {
            fs::remove_file(&path)?;
            return Err(error);
        }
        Ok(NetNs { name: name.to_owned(), file: File::open(&path)? })
    }

    /// Name of the namespace below `/run/meshtax/netns`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `work` inside, in a thread of its own, because a network namespace belongs to a thread.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        in_thread(|| {
            setns(&self.file, CloneFlags::CLONE_NEWNET)?;
            work()
        })
    }
}

impl AsFd for NetNs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Takes the name away; the namespace ends with its last process. A name that does not exist is no error.
pub(crate) fn forget_netns(name: &str) -> io::Result<()> {
    let path = path_of(name);
    match umount2(&path, MntFlags::MNT_DETACH) {
        Ok(()) | Err(nix::Error::EINVAL | nix::Error::ENOENT) => {}
        Err(error) => return Err(error.into()),
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes the folder of names a mount, a shared one: whoever has a copy of it lets a name go when it is taken away here. Until
/// the lock is dropped nobody puts it away.
fn share_names() -> io::Result<File> {
    let folder = Path::new(NETNS_FOLDER);
    make_folder(Path::new(FOLDER))?;
    let lock = File::open(FOLDER)?;
    lock.lock()?;
    if !is_mounted(folder)? {
        make_folder(folder)?;
        mount(Some("meshtax"), folder, Some("tmpfs"), MsFlags::empty(), Some("mode=755,size=64k"))?;
    }
    mount(None::<&str>, folder, None::<&str>, MsFlags::MS_SHARED, None::<&str>)?;
    Ok(lock)
}

/// Takes the mount away once it holds no name.
pub(crate) fn put_names_away() -> io::Result<()> {
    let folder = Path::new(NETNS_FOLDER);
    let Ok(lock) = File::open(FOLDER) else { return Ok(()) };
    lock.lock()?;
    if !is_mounted(folder)? || fs::read_dir(folder)?.next().is_some() {
        return Ok(());
    }
    umount2(folder, MntFlags::MNT_DETACH)?;
    fs::remove_dir(folder)
}

fn is_mounted(folder: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        there => Ok(there?.dev() != fs::metadata(FOLDER)?.dev()),
    }
}

fn path_of(name: &str) -> PathBuf {
    Path::new(NETNS_FOLDER).join(name)
}

fn in_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, work)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Where and as whom a program starts.
pub(crate) struct Room<'a> {
    /// Network namespace.
    pub net: BorrowedFd<'a>,
    /// Mount and PID namespaces.
    pub rest: Rest<'a>,
    /// `cgroup.procs` of every group that it joins, opened for writing.
    pub groups: &'a [File],
    /// User and group to become; stays root if absent.
    pub user: Option<u32>,
    /// Working directory, as seen inside.
    pub folder: &'a Path,
}

/// Mount, PID and other namespaces of a program.
pub(crate) enum Rest<'a> {
    /// The host's own.
    Host,
    /// New ones, made for this program, which is process 1 in them.
    New {
        /// What the pod sees of files.
        view: &'a View,
        /// Name of the pod, which is its host name.
        name: &'a str,
    },
    /// The namespaces of a pod that is running.
    Of {
        /// Mount namespace.
        mount: BorrowedFd<'a>,
        /// Namespaces of host name and of System V's means of communication.
        others: [BorrowedFd<'a>; 2],
        /// PID namespace.
        pid: BorrowedFd<'a>,
        /// Root folder within the mount namespace.
        root: BorrowedFd<'a>,
    },
}

/// Starts `command` in `room`, in a process group of its own so that Ctrl-C on the terminal does not reach it.
pub(crate) fn spawn(command: &mut Command, room: &Room<'_>) -> io::Result<Child> {
    let net = room.net.try_clone_to_owned()?;
    let groups = room.groups.iter().map(File::try_clone).collect::<io::Result<Vec<_>>>()?;
    let folder = c_string(room.folder)?;
    let user = room.user;
    let mounts = Mounts::prepare(&room.rest)?;
    let enter = move || -> io::Result<()> {
        for group in &groups {
            write(group, b"0")?;
        }
        setns(&net, CloneFlags::CLONE_NEWNET)?;
        mounts.enter()?;
        chdir(folder.as_c_str())?;
        if let Some(id) = user {
            setgroups(&[])?;
            setgid(Gid::from_raw(id))?;
            setuid(Uid::from_raw(id))?;
        }
        Ok(())
    };
    command.process_group(0);
    // SAFETY: `enter` only makes system calls (write, setns, unshare, sethostname, mount, umount2, mkdir, mknod, unlink, fchdir,
    // chroot, chdir, setgroups, setgid, setuid) on descriptors and C strings that were made above; it neither allocates nor
    // takes a lock, so it is sound in the child of a multi-threaded process.
    unsafe { command.pre_exec(enter) };
    in_thread(|| {
        match &room.rest {
            Rest::Host => {}
            // Both concern the thread's future children only, and the thread ends here.
            Rest::New { .. } => unshare(CloneFlags::CLONE_NEWPID)?,
            Rest::Of { pid, .. } => setns(pid, CloneFlags::CLONE_NEWPID)?,
        }
        command.spawn()
    })
}

/// What is done about namespaces between fork and exec, with everything that allocates already done.
enum Mounts {
    Keep,
    Make { name: OsString, view: View },
    Enter { namespace: OwnedFd, others: [OwnedFd; 2], root: OwnedFd },
}

impl Mounts {
    fn prepare(rest: &Rest<'_>) -> io::Result<Mounts> {
        Ok(match rest {
            Rest::Host => Mounts::Keep,
            Rest::New { view, name } => Mounts::Make { name: (*name).into(), view: (*view).clone() },
            Rest::Of { mount, others: [uts, ipc], root, .. } => Mounts::Enter {
                namespace: mount.try_clone_to_owned()?,
                others: [uts.try_clone_to_owned()?, ipc.try_clone_to_owned()?],
                root: root.try_clone_to_owned()?,
            },
        })
    }

    fn enter(&self) -> nix::Result<()> {
        match self {
            Mounts::Keep => Ok(()),
            Mounts::Enter { namespace, others: [uts, ipc], root } => {
                setns(uts, CloneFlags::CLONE_NEWUTS)?;
                setns(ipc, CloneFlags::CLONE_NEWIPC)?;
                setns(namespace, CloneFlags::CLONE_NEWNS)?;
                fchdir(root)?;
                chroot(c".")
            }
            Mounts::Make { name, view } => {
                unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC)?;
                sethostname(name)?;
                view.enter()
            }
        }
    }
}

/// Makes the root of a pod, and throws it away.
///
/// # Errors
///
/// What the kernel says where it gives none.
pub fn rehearse_root() -> io::Result<()> {
    make_folder(Path::new(FOLDER))?;
    in_thread(|| {
        unshare(CloneFlags::CLONE_NEWNS)?;
        Ok(View::of_host()?.enter()?)
    })
}

fn c_string(path: &Path) -> io::Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}
