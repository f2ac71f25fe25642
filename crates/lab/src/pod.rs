use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use crate::cgroup::Trees;
use crate::error::{LabError, step};
use crate::namespace::{NetNs, Rest, Room};
use crate::process::{Process, Program};

/// A pod: namespaces, a first process that holds them, and containers.
#[derive(Debug)]
pub struct Pod {
    name: String,
    address: Ipv4Addr,
    // Containers end before the process that holds their namespaces.
    containers: Vec<(String, Process)>,
    /// Further processes, in the control group of a container each.
    beside: Vec<(String, Process)>,
    pause: Process,
    mount: File,
    pid: File,
    /// Its root folder, which is that of this program: in a `chroot` not that of the mount namespace.
    root: File,
    /// Namespaces of host name and of System V's means of communication.
    others: [File; 2],
    netns: NetNs,
    place: Place,
}

/// Where a pod's marks and files are.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// `ARM/POD`.
    pub label: String,
    /// Relative path of its control group.
    pub group: PathBuf,
    /// Its folder with configuration, seen as `/run/meshtax` inside.
    pub files: PathBuf,
    /// Folder of its logs.
    pub logs: PathBuf,
    /// Working directory of its programs.
    pub folder: PathBuf,
}

impl Place {
    /// The log of one of its containers.
    pub fn log(&self, container: &str) -> PathBuf {
        self.logs.join(format!("{container}.log"))
    }
}

impl Pod {
    /// Makes the namespaces. `place.files` must hold a `resolv.conf` and an `nsswitch.conf`.
    pub(crate) fn make(
        name: &str,
        address: Ipv4Addr,
        netns: NetNs,
        place: Place,
        pause: &Program,
        trees: &Trees,
    ) -> Result<Pod, LabError> {
        let label = format!("{}/pause", place.label);
        let groups =
            trees.make(&place.group.join("pause")).map_err(step(format!("make control groups for `{label}`")))?;
        let rest = Rest::New { files: &place.files, name };
        let room = Room { net: netns.as_fd(), rest, groups: &groups, user: None, folder: Path::new("/") };
        let pause = Process::start(label.clone(), pause, &room, place.log("pause"))?;
        let open = |part: &str| {
            let path = format!("/proc/{}/{part}", pause.pid());
            File::open(path).map_err(step(format!("open {part} of `{label}`")))
        };
        let (mount, pid, root) = (open("ns/mnt")?, open("ns/pid")?, open("root")?);
        let others = [open("ns/uts")?, open("ns/ipc")?];
        Ok(Pod {
            name: name.to_owned(),
            address,
            containers: Vec::new(),
            beside: Vec::new(),
            pause,
            mount,
            pid,
            root,
            others,
            netns,
            place,
        })
    }

    /// Starts a container, `app` or `proxy`, in a control group of its own.
    pub(crate) fn start(
        &mut self,
        container: &str,
        program: &Program,
        user: Option<u32>,
        trees: &Trees,
    ) -> Result<(), LabError> {
        let process = self.run(container, container, program, user, trees)?;
        self.containers.push((container.to_owned(), process));
        Ok(())
    }

    /// Starts a further process, `name`, as a part of a container: what it uses is that container's.
    pub(crate) fn start_beside(
        &mut self,
        container: &str,
        name: &str,
        program: &Program,
        trees: &Trees,
    ) -> Result<(), LabError> {
        let process = self.run(container, name, program, None, trees)?;
        self.beside.push((name.to_owned(), process));
        Ok(())
    }

    fn run(
        &self,
        group: &str,
        name: &str,
        program: &Program,
        user: Option<u32>,
        trees: &Trees,
    ) -> Result<Process, LabError> {
        let label = format!("{}/{name}", self.place.label);
        let groups = trees.make(&self.group(group));
        let groups = groups.map_err(step(format!("make control groups for `{label}`")))?;
        let others = self.others.each_ref().map(File::as_fd);
        let rest = Rest::Of { mount: self.mount.as_fd(), others, pid: self.pid.as_fd(), root: self.root.as_fd() };
        let room = Room { net: self.netns.as_fd(), rest, groups: &groups, user, folder: &self.place.folder };
        Process::start(label, program, &room, self.place.log(name))
    }

    /// Relative path of the control group of one of its containers.
    pub(crate) fn group(&self, container: &str) -> PathBuf {
        self.place.group.join(container)
    }

    /// Its name, such as `reviews-v2`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address on the node's bridge.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Its network namespace.
    pub fn netns(&self) -> &NetNs {
        &self.netns
    }

    /// Names of its containers, and the relative paths of their control groups.
    pub fn groups(&self) -> impl Iterator<Item = (&str, PathBuf)> {
        self.containers.iter().map(|(name, _)| (name.as_str(), self.group(name)))
    }

    /// Whether it has a container of that name, or something so called beside one.
    pub fn has(&self, name: &str) -> bool {
        self.containers.iter().chain(&self.beside).any(|(known, _)| known == name)
    }

    /// One of its containers, or what runs beside one.
    pub fn container(&mut self, name: &str) -> Option<&mut Process> {
        let mut all = self.containers.iter_mut().chain(&mut self.beside);
        all.find(|(known, _)| known == name).map(|(_, process)| process)
    }

    /// The process that holds its namespaces: `nsenter --target PID --net --mount --pid` enters them.
    pub fn pid(&self) -> u32 {
        self.pause.pid()
    }

    /// Folder with the configuration that it was started from.
    pub fn files(&self) -> &Path {
        &self.place.files
    }

    /// Cuts the logs of its processes where they grow for ever.
    pub(crate) fn trim_logs(&self) -> Result<(), LabError> {
        self.containers.iter().chain(&self.beside).try_for_each(|(_, process)| process.trim_log())
    }

    /// An error if any of its processes has ended.
    pub(crate) fn check_alive(&mut self) -> Result<(), LabError> {
        self.pause.check_alive()?;
        self.containers.iter_mut().chain(&mut self.beside).try_for_each(|(_, process)| process.check_alive())
    }

    /// Lets its processes run on after this program has ended.
    pub(crate) fn let_go(self) -> Result<(), LabError> {
        self.pause.let_go()?;
        self.containers.into_iter().chain(self.beside).try_for_each(|(_, process)| process.let_go())
    }
}

/// Writes a file into a folder in which another user may write: made beside its place and renamed, so that no link leads what
/// root writes elsewhere.
pub fn write_anew(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
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
    use std::io::Write;
    use std::os::unix::fs::{OpenOptionsExt, fchown};
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    fchown(&file, Some(owner), Some(owner))
}
