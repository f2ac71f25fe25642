//! Checks what a run needs of the machine. `run` stops at the first gap before anything starts; `doctor` lists them
//! all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use experiment::{Experiment, Wanted};
use probe::{Dns, DnsOptions, Drops, Events, Ports, ProbeError, Source, Tcp, Udp, Witness};
use serde::Serialize;
use topology::{Mistake, VolumeSource, Work};

use crate::capability::lacking;
use crate::cause;
use crate::failure::Failure;
use crate::limits;
use crate::watch::{self, remedy};

/// Where `make setup` installs Envoy.
const ENVOY_INSTALLED: &str = "/usr/local/libexec/meshtax/envoy";
/// What is lost on kernels before 5.13.
const WITHOUT_BYTES: &str = "programs cannot read a socket's id or list all sockets, so bytes are not counted; `top`, `life`, \
                             `rtt`, `backlog`, `dns`, `udp`, `agent` and `watch: on` do not work; `connect`, `accept`, \
                             `retrans`, `resets` and `drops` do, but do not know who accepts, nor whose dropped packets \
                             were";
/// One thing that was checked, and what was found.
#[derive(Clone, Debug, Serialize)]
pub struct Need {
    /// What is needed.
    pub name: &'static str,
    /// What it is needed for.
    pub purpose: &'static str,
    /// What is there.
    pub found: Option<String>,
    /// What is missing, and the command that fixes it.
    pub gap: Option<Shortfall>,
}

/// Something that is missing.
#[derive(Clone, Debug, Serialize)]
pub struct Shortfall {
    /// What is missing.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

type Found = Result<String, Shortfall>;

/// Describes a gap. If a limit was reached, the fix says how to raise it.
fn gap(what: impl Into<String>, fix: impl Into<String>) -> Shortfall {
    let what = what.into();
    Shortfall { fix: cause::shortage(&what).unwrap_or_else(|| fix.into()), what }
}

impl Need {
    fn of(name: &'static str, purpose: &'static str, found: Found) -> Need {
        let (found, gap) = match found {
            Ok(found) => (Some(found), None),
            Err(gap) => (None, Some(gap)),
        };
        Need { name, purpose, found, gap }
    }
}

/// Checks everything that a run needs.
pub fn all(envoy: Option<&Path>) -> Vec<Need> {
    vec![
        Need::of("privilege", "namespaces, links and control groups", privilege()),
        Need::of("namespaces", "pods", namespaces()),
        Need::of("overlays", "files that a pod writes", overlays()),
        Need::of("bridge filter", "service addresses between pods of one bridge", bridge_filter()),
        Need::of("nft", "service addresses, redirection to sidecars", nft()),
        Need::of("control groups", "CPU time and memory of each container", control_groups()),
        Need::of("envoy", "arms with sidecars", self::envoy(envoy).map(|envoy| envoy.to_string())),
        Need::of("witness", "arms with `watch: on`, the live tools and the agent", witness()),
    ]
}

/// Returns an error at the first gap that prevents a run.
pub fn check(needs_envoy: bool, envoy: Option<&Path>) -> Result<Envoy, Failure> {
    root()?;
    for found in [namespaces(), overlays(), bridge_filter(), nft(), control_groups()] {
        found.map_err(failure)?;
    }
    if needs_envoy { self::envoy(envoy).map_err(failure) } else { Ok(Envoy::default()) }
}

/// Returns an error without the privilege to make a lab.
pub fn root() -> Result<(), Failure> {
    privilege().map(|_| ()).map_err(failure)
}

/// Returns an error if a pod would not find a program of the topology or of an arm.
pub fn programs(experiment: &Experiment) -> Result<(), Failure> {
    let folder = &*experiment.topology.folder;
    for pod in experiment.topology.graph.pods() {
        let Work::Command { command, environment, volumes } = &pod.version.work else { continue };
        let own = environment.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.as_str());
        let path = own.unwrap_or(lab::PATH);
        let whose = format!("(service `{}`, pod `{}`)", pod.service.name, pod.name());
        if !is_found(&command[0], path, folder) {
            return Err(Failure::new(format!("there is no program `{}` {whose}", command[0]), missing(path)));
        }
        if is_hidden(&command[0], folder) && volumes.is_empty() {
            return Err(Failure::new(
                format!("no pod sees the program `{}`: pods have a folder of their own there {whose}", command[0]),
                "put it beside the topology, or share its folder with `volumes:`",
            ));
        }
        for volume in volumes {
            let VolumeSource::Host(path) = &volume.source else { continue };
            if let Err(error) = fs::metadata(folder.join(path)) {
                let what = format!("cannot share `{}`: {error} {whose}", folder.join(path).display());
                return Err(Failure::new(what, "make it, or correct the path: it is seen from the topology's folder"));
            }
        }
    }
    let arms = experiment.standing();
    let wanted = experiment.programs.iter().filter(|wanted| arms.iter().any(|arm| arm.name == wanted.arm));
    for Wanted { program, file, place, .. } in wanted {
        if !is_found(program, lab::PATH, folder) {
            let fault = Mistake::at(*place, format!("there is no program `{program}`"), missing(lab::PATH));
            return Err(Failure::in_file(file, fault));
        }
    }
    Ok(())
}

/// Whether a pod finds a program: at its path relative to the topology's folder, or in a folder of `path`.
fn is_found(program: &str, path: &str, folder: &Path) -> bool {
    if program.contains('/') {
        return is_executable(&folder.join(program));
    }
    path.split(':').any(|folder| is_executable(&Path::new(folder).join(program)))
}

/// Whether a program's path lies in a folder that pods have for themselves.
fn is_hidden(program: &str, folder: &Path) -> bool {
    let path = fs::canonicalize(folder.join(program));
    program.contains('/') && path.is_ok_and(|path| lab::is_hidden(&path) && !path.starts_with(folder))
}

fn missing(path: &str) -> String {
    format!("install it, or write its path; programs without one are looked for in {path}")
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn failure(gap: Shortfall) -> Failure {
    Failure::new(gap.what, gap.fix)
}

fn privilege() -> Found {
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let command = shlex::try_join(arguments.iter().map(String::as_str)).unwrap_or_else(|_| arguments.join(" "));
    let fix = format!("run it as root: `sudo {command}`");
    if !nix::unistd::geteuid().is_root() {
        return Err(gap("only root can make namespaces, links and control groups", fix));
    }
    match lacking()[..] {
        [] => Ok("root with the capabilities of a lab".to_owned()),
        ref lacking => Err(gap(format!("this root lacks {}", lacking.join(", ")), cause::forbidden(lacking))),
    }
}

fn namespaces() -> Found {
    let missing: Vec<&str> = ["net", "mnt", "pid", "uts", "ipc"]
        .into_iter()
        .filter(|kind| !Path::new("/proc/self/ns").join(kind).exists())
        .collect();
    if missing.is_empty() {
        Ok("network, mount, PID, host name, IPC".to_owned())
    } else {
        let what = format!("this kernel has no {} namespaces", missing.join(", "));
        Err(gap(what, "use a kernel built with CONFIG_NAMESPACES and its sub-options, as every distribution's is"))
    }
}

fn overlays() -> Found {
    lab::rehearse_root().map(|()| "an overlay on the host's files".to_owned()).map_err(|error| {
        let fix = "load overlayfs (`modprobe overlay`); in a container, add `--privileged`";
        gap(format!("pods cannot have files of their own: {error}"), fix)
    })
}

fn bridge_filter() -> Found {
    if Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables").exists() {
        Ok("present".to_owned())
    } else {
        Err(gap("the kernel's bridge filter is not loaded", "load it: `modprobe br_netfilter`"))
    }
}

fn witness() -> Found {
    limits::open_files(watch::FILES).map_err(|failure| gap(failure.what(), "raise the limit of open files"))?;
    match unseen(Tcp::load()) {
        Ok(gaps) => {
            let tables = agent::seen_tables(Path::new("/"));
            let unseen = gaps.into_iter().chain(unseen_beside_tcp()).chain(tables.missing);
            Ok(format!(
                "programs load and attach{}",
                unseen.map(|what| format!("; not seen: {what}")).collect::<String>()
            ))
        }
        Err(error @ ProbeError::Refused { .. }) if Events::begin().is_ok() => {
            Err(gap(format!("{error}: {WITHOUT_BYTES}"), "boot Linux 5.13 or newer"))
        }
        Err(error) => {
            let remedy = remedy(&error);
            Err(gap(format!("{:#}", anyhow::Error::from(error)), remedy))
        }
    }
}

/// Lists what a witness does not see on this kernel, and why.
fn unseen<S: Source>(loaded: Result<Witness<S>, ProbeError>) -> Result<Vec<String>, ProbeError> {
    let mut witness = loaded?;
    witness.attach()?;
    Ok(witness.gaps().iter().map(|gap| format!("{} ({})", gap.what, gap.why)).collect())
}

/// Lists what the witnesses of DNS, UDP and drops do not see on this kernel, and why.
fn unseen_beside_tcp() -> Vec<String> {
    let all = [
        ("DNS queries", unseen(Dns::load(DnsOptions::default()))),
        ("datagrams of UDP", unseen(Udp::load(Ports::Services))),
        ("dropped packets", unseen(Drops::load_telling())),
    ];
    all.into_iter()
        .flat_map(|(what, gaps)| {
            gaps.unwrap_or_else(|error| vec![format!("{what} ({:#})", anyhow::Error::from(error))])
        })
        .collect()
}

fn nft() -> Found {
    let path = on_path("nft").ok_or_else(|| gap("`nft` is not installed", "install it: `apt-get install nftables`"))?;
    Ok(path.display().to_string())
}

fn control_groups() -> Found {
    let fix = "mount them: `mount -t cgroup2 none /sys/fs/cgroup`";
    let trees = lab::Trees::discover().map_err(|error| gap(format!("no control groups: {error}"), fix))?;
    let roots: Vec<String> = trees.roots.iter().map(|root| root.display().to_string()).collect();
    Ok(format!("{} ({})", trees.mode, roots.join(", ")))
}

/// An Envoy that the sidecars' user can execute.
#[derive(Clone, Debug, Default)]
pub struct Envoy {
    /// The path of the binary, empty if no arm needs one.
    pub path: PathBuf,
    /// The version that the binary prints.
    pub version: Option<String>,
}

impl std::fmt::Display for Envoy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.version.as_deref().unwrap_or("unknown version"), self.path.display())
    }
}

fn envoy(asked: Option<&Path>) -> Result<Envoy, Shortfall> {
    let installed = Some(PathBuf::from(ENVOY_INSTALLED)).filter(|path| path.exists());
    let found = asked.map(Path::to_owned).or(installed).or_else(|| on_path("envoy"));
    let path =
        found.ok_or_else(|| gap("Envoy is not installed", "run `make setup`, or name a binary with `--envoy PATH`"))?;
    let absolute = fs::canonicalize(&path).map_err(|error| {
        gap(
            format!("no Envoy at `{}`: {error}", path.display()),
            "run `make setup`, or name Envoy's binary with `--envoy PATH`",
        )
    })?;
    let mut command = Command::new(&absolute);
    command.arg("--version");
    if nix::unistd::geteuid().is_root() {
        command.uid(plane::PROXY_UID).gid(plane::PROXY_UID);
    }
    let fix = format!(
        "copy the binary to where user {} may execute it, such as {ENVOY_INSTALLED} (`make setup` does), and name it with \
         `--envoy`",
        plane::PROXY_UID
    );
    let output = command.current_dir("/").output().map_err(|error| {
        gap(format!("user {} cannot execute `{}`: {error}", plane::PROXY_UID, absolute.display()), fix.clone())
    })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.lines().find_map(|line| line.split("version:").nth(1)).and_then(spoken_version);
    if version.is_none() || !output.status.success() {
        return Err(gap(format!("`{}` does not print an Envoy version", absolute.display()), fix));
    }
    Ok(Envoy { path: absolute, version })
}

/// Extracts `1.40.0 (9e5580933739, RELEASE, BoringSSL)` from what Envoy prints: commit, version, state, build, TLS
/// library.
fn spoken_version(text: &str) -> Option<String> {
    let mut parts = text.trim().split('/');
    let (commit, version, _state) = (parts.next()?, parts.next()?, parts.next()?);
    let build: Vec<&str> = parts.collect();
    Some(format!("{version} ({}, {})", commit.get(..12).unwrap_or(commit), build.join(", ")))
}

/// Finds the host's program of that name in the folders where the lab looks.
fn on_path(name: &str) -> Option<PathBuf> {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&own).chain(lab::PATH.split(':').map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|path| is_executable(path))
}
