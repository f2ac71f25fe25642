//! What a pod sees of files: the host's, but what it writes there is its own and goes with it, and some folders are its own
//! from the start.
//!
//! Each mount of the host becomes the lower layer of an overlay, whose upper layer lies in memory. [`View::of`] does all that
//! allocates; [`View::enter`] runs between `fork` and `exec`, and makes system calls only.

use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::unistd::{chdir, chroot, mkdir, unlink};

use crate::folder::FOLDER;

/// Folders that are a pod's own, and empty when it starts, with their options.
const OWN: [(&str, &CStr); 4] =
    [("/run", c"mode=755"), ("/var/run", c"mode=755"), ("/tmp", c"mode=1777"), ("/dev/shm", c"mode=1777")];
/// Trees of the kernel's, which each pod sees as they are.
const KERNEL: [&str; 2] = ["/dev", "/sys"];
/// Where container engines keep what their own containers see.
const ENGINES: [&str; 4] = ["/var/lib/containers", "/var/lib/containerd", "/var/lib/docker", "/var/lib/kubelet"];
/// Where sources wait in the new root until it is entered, so that no link in a target's path leads back to the host. Every
/// root has this folder.
const STAGE: &str = "/proc";
/// Files of `/etc` that are a pod's own.
const OF_ETC: [&str; 3] = ["hosts", "nsswitch.conf", "resolv.conf"];

/// A file or folder of the host's that is shown in a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Where it is on the host; absolute.
    pub source: PathBuf,
    /// Where the pod sees it; absolute.
    pub target: PathBuf,
    /// What the pod may do with it.
    pub access: Access,
}

/// What a pod may do with what it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// The pod reads, and what it writes is its own. A file is read only.
    Copy,
    /// The pod reads.
    Read,
    /// The pod reads and writes what is the host's.
    Share,
}

/// The steps from the host's view of files to a pod's.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    steps: Vec<ViewStep>,
}

#[derive(Clone, Debug)]
enum ViewStep {
    /// Shows `source` at `target`; `flags` may add what is mounted below it.
    Bind {
        source: CString,
        target: CString,
        flags: MsFlags,
    },
    /// Makes what was bound there read-only.
    Seal(CString),
    /// Lays an overlay over `source`.
    Overlay {
        source: CString,
        target: CString,
        options: CString,
    },
    /// Mounts a file system that has no source.
    Mount {
        kind: &'static CStr,
        target: CString,
        options: Option<&'static CStr>,
    },
    Unmount(CString),
    Folder(CString),
    File(CString),
    Remove(CString),
    /// Makes this folder the root.
    Enter(CString),
}

/// Whether a pod does not see what the host has at `path`, unless it is shown.
pub fn is_hidden(path: &Path) -> bool {
    OWN.iter().any(|(folder, _)| path.starts_with(folder))
}

impl View {
    /// A pod's view: `files` is seen as `/run/meshtax`, three files of that folder in `/etc`, and then what is `shown`, in
    /// this order.
    pub fn of(files: &Path, shown: &[Shown]) -> io::Result<View> {
        let mut view = View::of_host()?;
        let files = Shown { source: files.to_owned(), target: FOLDER.into(), access: Access::Share };
        let shown: Vec<&Shown> = std::iter::once(&files).chain(shown).collect();
        view.memory(&in_root(STAGE), c"mode=755")?;
        for (number, shown) in shown.iter().enumerate() {
            view.stage(number, shown)?;
        }
        view.steps.push(ViewStep::Enter(c(in_root("/"))?));
        for (folder, options) in OWN.iter().filter(|(folder, _)| is_folder(folder)) {
            view.memory(Path::new(folder), options)?;
        }
        view.steps.push(ViewStep::Folder(c("/run/lock")?));
        if is_folder("/dev/mqueue") {
            view.steps.push(ViewStep::Mount { kind: c"mqueue", target: c("/dev/mqueue")?, options: None });
        }
        for (number, shown) in shown.iter().enumerate() {
            view.place(number, shown)?;
        }
        for name in OF_ETC {
            let target = c(Path::new("/etc").join(name))?;
            view.steps.extend([ViewStep::Remove(target.clone()), ViewStep::File(target.clone())]);
            view.bind(&Path::new(FOLDER).join(name), target)?;
        }
        view.steps.push(ViewStep::Unmount(c(STAGE)?));
        view.steps.push(ViewStep::Mount { kind: c"proc", target: c(STAGE)?, options: None });
        Ok(view)
    }

    /// The host's files, each mount of them under an overlay.
    pub fn of_host() -> io::Result<View> {
        let mut view = View::default();
        view.memory(Path::new(FOLDER), c"mode=755")?;
        view.steps.push(ViewStep::Folder(c(in_root("/"))?));
        // What another mount hides is not there.
        let seen = mounts(&fs::read(MOUNTS)?).into_iter().filter(|place| place.exists());
        for (number, place) in seen.enumerate() {
            view.overlay(&format!("mount-{number}"), &place, in_root(&place))?;
        }
        for tree in KERNEL {
            let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
            view.steps.push(ViewStep::Bind { source: c(tree)?, target: c(in_root(tree))?, flags });
        }
        Ok(view)
    }

    /// Has what is shown wait at its number in the stage.
    fn stage(&mut self, number: usize, shown: &Shown) -> io::Result<()> {
        let staged = in_root(STAGE).join(number.to_string());
        let is_folder = shown.source.is_dir();
        self.steps.push(if is_folder { ViewStep::Folder(c(&staged)?) } else { ViewStep::File(c(&staged)?) });
        if is_folder && shown.access == Access::Copy {
            return self.overlay(&format!("shown-{number}"), &shown.source, staged);
        }
        self.bind(&shown.source, c(&staged)?)
    }

    /// Brings it from there to its place.
    fn place(&mut self, number: usize, shown: &Shown) -> io::Result<()> {
        let above: Vec<&Path> = shown.target.ancestors().skip(1).collect();
        for folder in above.into_iter().rev() {
            self.steps.push(ViewStep::Folder(c(folder)?));
        }
        let (target, is_folder) = (c(&shown.target)?, shown.source.is_dir());
        self.steps.push(if is_folder { ViewStep::Folder(target.clone()) } else { ViewStep::File(target.clone()) });
        self.bind(&Path::new(STAGE).join(number.to_string()), target.clone())?;
        if shown.access == Access::Read || (!is_folder && shown.access == Access::Copy) {
            self.steps.push(ViewStep::Seal(target));
        }
        Ok(())
    }

    fn bind(&mut self, source: &Path, target: CString) -> io::Result<()> {
        self.steps.push(ViewStep::Bind { source: c(source)?, target, flags: MsFlags::MS_BIND });
        Ok(())
    }

    fn memory(&mut self, target: &Path, options: &'static CStr) -> io::Result<()> {
        self.steps.push(ViewStep::Mount { kind: c"tmpfs", target: c(target)?, options: Some(options) });
        Ok(())
    }

    fn overlay(&mut self, name: &str, source: &Path, target: PathBuf) -> io::Result<()> {
        let layer = Path::new(FOLDER).join(name);
        let (upper, work) = (layer.join("upper"), layer.join("work"));
        for folder in [&layer, &upper, &work] {
            self.steps.push(ViewStep::Folder(c(folder)?));
        }
        let mut options = b"lowerdir=".to_vec();
        options.extend(escaped(source));
        options.extend(format!(",upperdir={},workdir={}", upper.display(), work.display()).into_bytes());
        let options = CString::new(options).map_err(io::Error::other)?;
        self.steps.push(ViewStep::Overlay { source: c(source)?, target: c(&target)?, options });
        Ok(())
    }

    /// Takes every step. The caller is alone in a new mount namespace.
    pub fn enter(&self) -> nix::Result<()> {
        // Nothing mounted here shall reach the host; what the host unmounts shall go here, too.
        let flags = MsFlags::MS_REC | MsFlags::MS_SLAVE;
        mount(None::<&CStr>, c"/", None::<&CStr>, flags, None::<&CStr>)?;
        self.steps.iter().try_for_each(ViewStep::take)
    }
}

impl ViewStep {
    fn take(&self) -> nix::Result<()> {
        let folder = Mode::from_bits_truncate(0o755);
        match self {
            ViewStep::Bind { source, target, flags } => bind(source, target, *flags),
            ViewStep::Seal(target) => {
                bind(c"none", target, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY)
            }
            ViewStep::Overlay { source, target, options } => {
                let laid = mount(Some(c"overlay"), &**target, Some(c"overlay"), MsFlags::empty(), Some(&**options));
                if laid.is_ok() || source.as_c_str() == c"/" {
                    return laid;
                }
                // Not every file system takes an overlay; without one the pod reads only.
                bind(source, target, MsFlags::MS_BIND)?;
                ViewStep::Seal(target.clone()).take()
            }
            ViewStep::Mount { kind, target, options } => {
                mount(Some(*kind), &**target, Some(*kind), MsFlags::empty(), *options)
            }
            ViewStep::Unmount(target) => umount2(&**target, MntFlags::MNT_DETACH),
            ViewStep::Folder(path) => unless(nix::Error::EEXIST, mkdir(&**path, folder)),
            ViewStep::File(path) => {
                unless(nix::Error::EEXIST, mknod(&**path, SFlag::S_IFREG, Mode::from_bits_truncate(0o644), 0))
            }
            ViewStep::Remove(path) => unless(nix::Error::ENOENT, unlink(&**path)),
            ViewStep::Enter(root) => chroot(&**root).and_then(|()| chdir(c"/")),
        }
    }
}

fn bind(source: &CStr, target: &CStr, flags: MsFlags) -> nix::Result<()> {
    mount(Some(source), target, None::<&CStr>, flags, None::<&CStr>)
}

fn unless(fine: nix::Error, done: nix::Result<()>) -> nix::Result<()> {
    if done == Err(fine) { Ok(()) } else { done }
}

/// What is mounted where, as proc(5) says it.
const MOUNTS: &str = "/proc/self/mountinfo";

/// Where the host's file systems are mounted that a pod sees, the root first.
fn mounts(mountinfo: &[u8]) -> Vec<PathBuf> {
    let own = OWN.iter().map(|(folder, _)| PathBuf::from(folder));
    let others = KERNEL.into_iter().chain(ENGINES).chain([STAGE]).map(PathBuf::from);
    let unseen: Vec<PathBuf> = own.chain(others).chain(OF_ETC.map(|name| Path::new("/etc").join(name))).collect();
    let lines = mountinfo.split(|byte| *byte == b'\n');
    let places = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4)).map(unescaped);
    let mut seen: Vec<PathBuf> =
        places.filter(|place| !unseen.iter().any(|folder| place.starts_with(folder))).collect();
    // In a `chroot` the root need not be a mount.
    seen.push("/".into());
    seen.sort();
    seen.dedup();
    seen
}

/// A path of `mountinfo`, in which blanks and backslashes are three octal digits after a backslash.
fn unescaped(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, others)) = rest.split_first() {
        let digits = others.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        let (byte, length) = match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => (byte, 4),
            None => (*first, 1),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// A path as an option of overlays has it, where commas and colons divide.
fn escaped(path: &Path) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'\\' | b',' | b':' => vec![b'\\', *byte],
        _ => vec![*byte],
    };
    path.as_os_str().as_bytes().iter().flat_map(escape).collect()
}

/// Where a path of the pod's is before its root is entered.
fn in_root(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    Path::new(FOLDER).join("root").join(path.strip_prefix("/").unwrap_or(path))
}

fn is_folder(path: &str) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_dir())
}

fn c(path: impl AsRef<Path>) -> io::Result<CString> {
    CString::new(path.as_ref().as_os_str().as_bytes()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_sees_what_is_mounted_except_where_it_has_its_own() {
        let mountinfo = b"22 1 254:0 / / rw - ext4 /dev/vda rw\n\
            23 22 0:5 / /proc rw - proc proc rw\n\
            24 22 0:6 / /sys rw - sysfs sysfs rw\n\
            25 24 0:7 / /sys/fs/cgroup rw - cgroup2 none rw\n\
            26 22 0:8 / /run rw shared:4 - tmpfs tmpfs rw\n\
            27 26 0:4 net:[4026532300] /run/netns/cni-1 rw - nsfs nsfs rw\n\
            28 22 0:9 / /var/lib/docker/overlay2/a/merged rw - overlay overlay rw\n\
            29 22 8:2 / /srv/a\\040b\\134c rw - xfs /dev/sdb rw\n\
            30 22 8:3 / /home rw - ext4 /dev/sdc rw\n\
            31 30 8:3 / /home rw - ext4 /dev/sdc rw\n\
            32 22 0:9 / /tmp/build rw - tmpfs tmpfs rw\n\
            33 22 0:9 / /tmpfiles rw - tmpfs tmpfs rw\n\
            34 22 8:3 /a/hosts /etc/hosts rw - ext4 /dev/sdc rw\n";
        let seen: Vec<String> = mounts(mountinfo).iter().map(|place| place.display().to_string()).collect();
        assert_eq!(seen, ["/", "/home", "/srv/a b\\c", "/tmpfiles"]);
        // A `chroot` that is no mount sees none for its root.
        assert_eq!(mounts(b"30 22 8:3 / /home rw - ext4 /dev/sdc rw\n"), [Path::new("/"), Path::new("/home")]);
    }

    #[test]
    fn options_of_an_overlay_keep_odd_names_whole() {
        assert_eq!(escaped(Path::new("/a,b:c\\d e")), b"/a\\,b\\:c\\\\d e");
    }

    #[test]
    fn own_folders_hide_the_hosts() {
        assert!(["/tmp/app", "/run/app.sock", "/dev/shm/a"].map(Path::new).into_iter().all(is_hidden));
        assert!(["/tmpfiles", "/usr/bin/env", "/"].map(Path::new).into_iter().all(|path| !is_hidden(path)));
    }
}
