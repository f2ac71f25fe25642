//! Where a pod's marks and files are, and what it sees of the host's.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use ground::{ArmPlan, address};
use topology::{Restart, Volume, VolumeSource, Work};

use crate::blueprint::Blueprint;
use crate::error::{LabError, step};
use crate::files::write_anew;
use crate::mark::PREFIX;
use crate::site::Site;
use crate::view::{Access, Shown, is_hidden};

/// Where a pod's marks and files are.
#[derive(Clone, Debug)]
pub(crate) struct ContainerPlace {
    /// `ARM/POD`.
    pub label: String,
    /// Relative path of its control group.
    pub group: PathBuf,
    /// Folder with the pod's configuration, mounted at `/run/meshtax` inside.
    pub files: PathBuf,
    /// Folder of its logs.
    pub logs: PathBuf,
    /// Working directory of its programs.
    pub folder: PathBuf,
    /// What it sees of the host's beside its folder.
    pub shown: Vec<Shown>,
    /// Whether what ends in it by itself starts again.
    pub restart: Restart,
}

impl ContainerPlace {
    /// The log of one of its containers.
    pub fn log(&self, container: &str) -> PathBuf {
        self.logs.join(format!("{container}.log"))
    }
}

/// The place of a pod of that name.
pub(crate) fn place(site: &Site<'_>, arm: &ArmPlan, pod: &str) -> ContainerPlace {
    let label = format!("{}/{pod}", arm.name);
    let found = site.blueprint.topology.pods().find(|known| known.name() == pod);
    let work = found.map(|known| &known.version.work);
    ContainerPlace {
        shown: shown(site, arm, work),
        restart: found.map(|known| known.service.restart).unwrap_or_default(),
        group: group(site, arm).join(pod),
        files: site.blueprint.folder.join("planes").join(&label),
        logs: site.blueprint.folder.join("logs").join(&label),
        folder: site.blueprint.working_folder.to_owned(),
        label,
    }
}

/// What a pod sees of the host's although its own would hide it, and then its program's volumes.
fn shown(site: &Site<'_>, arm: &ArmPlan, work: Option<&Work>) -> Vec<Shown> {
    let Blueprint { working_folder, shown, .. } = *site.blueprint;
    let here = |path: &Path| Shown { source: path.to_owned(), target: path.to_owned(), access: Access::Copy };
    let given = std::iter::once(working_folder).chain(shown.iter().map(|path| &**path));
    let volumes = match work {
        Some(Work::Command { volumes, .. }) => volumes.as_slice(),
        _ => &[],
    };
    let volume = |volume: &Volume| Shown {
        source: match &volume.source {
            VolumeSource::Host(path) => working_folder.join(path),
            VolumeSource::Named(name) => volumes_folder(site, arm).join(name),
        },
        target: (&volume.target).into(),
        access: if volume.read_only { Access::Read } else { Access::Share },
    };
    given.filter(|path| is_hidden(path)).map(here).chain(volumes.iter().map(volume)).collect()
}

/// Where the volumes lie that the pods of an arm share.
fn volumes_folder(site: &Site<'_>, arm: &ArmPlan) -> PathBuf {
    site.blueprint.folder.join("volumes").join(&arm.name)
}

/// Makes the volumes that the pods of an arm share.
pub(crate) fn make_volumes(site: &Site<'_>, arm: &ArmPlan) -> Result<(), LabError> {
    let works = site.blueprint.topology.pods().map(|pod| &pod.version.work);
    let volumes = works.flat_map(|work| if let Work::Command { volumes, .. } = work { &**volumes } else { &[] });
    for volume in volumes {
        if let VolumeSource::Named(name) = &volume.source {
            let folder = volumes_folder(site, arm).join(name);
            fs::create_dir_all(&folder).map_err(step(format!("create {}", folder.display())))?;
        }
    }
    Ok(())
}

fn group(site: &Site<'_>, arm: &ArmPlan) -> PathBuf {
    PathBuf::from(format!("{PREFIX}{}", site.id)).join(&arm.name)
}

/// Where the node's own programs have their control groups.
pub(crate) fn node_group(site: &Site<'_>, arm: &ArmPlan) -> PathBuf {
    group(site, arm).join("node")
}

/// The pod's folder belongs to the proxy's user, who must be able to enter it wherever the run folder lies.
pub(crate) fn make_files(place: &ContainerPlace, pod: &str, address: Ipv4Addr) -> Result<(), LabError> {
    let doing = format!("write {}", place.files.display());
    let made = fs::create_dir_all(&place.files)
        .and_then(|()| write_anew(&place.files.join("resolv.conf"), &address::resolv_conf()))
        .and_then(|()| write_anew(&place.files.join("hosts"), &address::hosts(pod, address)))
        .and_then(|()| write_anew(&place.files.join("nsswitch.conf"), address::NSSWITCH_CONF))
        .and_then(|()| fs::set_permissions(&place.files, fs::Permissions::from_mode(0o755)))
        .and_then(|()| chown(&place.files, Some(plane::PROXY_UID), Some(plane::PROXY_UID)));
    made.map_err(step(doing))
}
