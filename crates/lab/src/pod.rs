use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

use topology::Restart;

use crate::error::{LabError, step};
use crate::files::write_anew;
use crate::namespace::{NetNs, Rest, Room};
use crate::place::ContainerPlace;
use crate::process::{Process, Program};
use crate::restart::Restarts;
use crate::trees::Trees;
use crate::view::View;

/// A pod: namespaces, a first process that holds them, and containers.
#[derive(Debug)]
pub struct Pod {
    name: String,
    address: Ipv4Addr,
    // Containers end before the process that holds their namespaces.
    containers: Vec<PodContainer>,
    /// Further processes, in the control group of a container each.
    beside: Vec<(String, Process)>,
    /// Containers that ended and are to start again, not yet told.
    endings: Vec<Ending>,
    pause: Process,
    mount: File,
    pid: File,
    /// Root folder of the pod: the one of this program, which in a `chroot` is not the mount namespace's.
    root: File,
    /// Namespaces of host name and of System V's means of communication.
    others: [File; 2],
    netns: NetNs,
    place: ContainerPlace,
}

/// A container, and what it takes to start it again.
#[derive(Debug)]
struct PodContainer {
    name: String,
    process: Process,
    program: Program,
    user: Option<u32>,
    restarts: Restarts,
}

/// A container that ended by itself and starts again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Container, as `app`.
    pub container: String,
    /// How it ended, as `exit status: 3`.
    pub status: String,
}

impl Pod {
    /// Makes the namespaces. `place.files` must hold a `resolv.conf` and an `nsswitch.conf`.
    pub(crate) fn make(
        name: &str,
        address: Ipv4Addr,
        netns: NetNs,
        place: ContainerPlace,
        pause: &Program,
        trees: &Trees,
    ) -> Result<Pod, LabError> {
        let label = format!("{}/pause", place.label);
        let groups =
            trees.make(&place.group.join("pause")).map_err(step(format!("make control groups for `{label}`")))?;
        let view =
            View::of(&place.files, &place.shown).map_err(step(format!("look at the host's mounts for `{label}`")))?;
        let rest = Rest::New { view: &view, name };
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
            endings: Vec::new(),
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
        self.containers.push(PodContainer {
            name: container.to_owned(),
            process,
            program: program.clone(),
            user,
            restarts: Restarts::begin(Instant::now()),
        });
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

    /// Name of the pod, such as `reviews-v2`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Address of the pod on the node's bridge.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Network namespace of the pod.
    pub fn netns(&self) -> &NetNs {
        &self.netns
    }

    /// Names of its containers, and the relative paths of their control groups.
    pub fn groups(&self) -> impl Iterator<Item = (&str, PathBuf)> {
        self.containers.iter().map(|container| (&*container.name, self.group(&container.name)))
    }

    /// Whether it has a container of that name, or something so called beside one.
    pub fn has(&self, name: &str) -> bool {
        let beside = self.beside.iter().map(|(known, _)| known);
        self.containers.iter().map(|container| &container.name).chain(beside).any(|known| known == name)
    }

    /// One of its containers, or what runs beside one.
    pub fn container(&mut self, name: &str) -> Option<&mut Process> {
        let beside = self.beside.iter_mut().map(|(known, process)| (&*known, process));
        let containers = self.containers.iter_mut().map(|container| (&container.name, &mut container.process));
        containers.chain(beside).find(|(known, _)| *known == name).map(|(_, process)| process)
    }

    /// The process that holds its namespaces: `nsenter --target PID --net --mount --pid` enters them.
    pub fn pid(&self) -> u32 {
        self.pause.pid()
    }

    /// Folder with the configuration that it was started from.
    pub fn files(&self) -> &Path {
        &self.place.files
    }

    /// Keeps the command line of one of its programs in its folder, an argument a line.
    pub(crate) fn keep_command(&self, file: &str, program: &Program) -> Result<(), LabError> {
        let path = self.files().join(file);
        let text = format!("{}\n", program.command.join("\n"));
        write_anew(&path, &text).map_err(step(format!("write {}", path.display())))
    }

    /// Cuts the logs of its processes where they grow for ever.
    pub(crate) fn trim_logs(&self) -> Result<(), LabError> {
        self.containers.iter().try_for_each(|container| container.process.trim_log())?;
        self.beside.iter().try_for_each(|(_, process)| process.trim_log())
    }

    /// Starts again what has ended and is due, where the topology says so.
    ///
    /// # Errors
    ///
    /// The first process that has ended and does not start again.
    pub(crate) fn look_after(&mut self, trees: &Trees) -> Result<(), LabError> {
        self.pause.check_alive()?;
        self.beside.iter_mut().try_for_each(|(_, process)| process.check_alive())?;
        for number in 0..self.containers.len() {
            self.look_after_container(number, trees)?;
        }
        Ok(())
    }

    fn look_after_container(&mut self, number: usize, trees: &Trees) -> Result<(), LabError> {
        let container = &mut self.containers[number];
        let Some(status) = container.process.ended()? else { return Ok(()) };
        // Whoever takes orders has been given some that it no longer knows.
        if self.place.restart == Restart::Never || container.program.takes_orders {
            return Err(container.process.failed(&format!("ended ({status})")));
        }
        if container.restarts.has_ended(Instant::now()) {
            self.endings.push(Ending { container: container.name.clone(), status: status.to_string() });
        }
        if container.restarts.is_due(Instant::now()) {
            let (name, program, user) = (container.name.clone(), container.program.clone(), container.user);
            self.containers[number].process = self.run(&name, &name, &program, user, trees)?;
        }
        Ok(())
    }

    /// Containers that have ended since the last call and start again.
    pub fn take_endings(&mut self) -> Vec<Ending> {
        std::mem::take(&mut self.endings)
    }

    /// Lets its processes run on after this program has ended.
    pub(crate) fn let_go(self) -> Result<(), LabError> {
        self.pause.let_go()?;
        self.containers.into_iter().try_for_each(|container| container.process.let_go())?;
        self.beside.into_iter().try_for_each(|(_, process)| process.let_go())
    }
}
