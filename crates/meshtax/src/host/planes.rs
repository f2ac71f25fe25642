//! Writes how the proxies of one arm differ from another's, for readers of a run folder.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use experiment::Arm;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use plane::Plane;

/// The files that define a proxy: redirect rules, command lines, configuration and limits, and its node's gateway rules
/// and probes.
const FILES: [&str; 7] =
    ["redirect.nft", "command.txt", "agent.txt", "bootstrap.json", "limits.yaml", "gateway.nft", "probes.json"];

/// Writes `planes/ARM.diff` for each arm with proxies: a unified diff over all pods, empty if nothing differs.
pub fn write_differences(ground: &Path, arms: &[Arm]) -> anyhow::Result<()> {
    let planes = ground.join("planes");
    for arm in arms.iter().filter(|arm| arm.has_proxies()) {
        let base = base_of(arms, arm);
        let text = difference(&planes, base, arm);
        let text = text.with_context(|| format!("cannot compare the files of arm `{}` with others", arm.name))?;
        let file = planes.join(format!("{}.diff", arm.name));
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// The arm that an arm is compared with: for sidecars the first arm with sidecars, for everything else the baseline.
/// The baseline is compared with nothing, so its diff adds every file.
fn base_of<'a>(arms: &'a [Arm], arm: &Arm) -> Option<&'a Arm> {
    let has_sidecars = |arm: &Arm| matches!(arm.plane, Plane::Sidecar(_));
    let first = arms.iter().find(|known| has_sidecars(known)).filter(|_| has_sidecars(arm));
    [first, arms.first()].into_iter().flatten().find(|base| base.name != arm.name)
}

fn difference(planes: &Path, base: Option<&Arm>, arm: &Arm) -> io::Result<String> {
    let both: Vec<&Arm> = base.into_iter().chain([arm]).collect();
    let mut pods = BTreeSet::new();
    for one in &both {
        pods.extend(self::pods(&planes.join(&one.name))?);
    }
    let files: Vec<&str> = FILES.into_iter().chain(both.iter().flat_map(|one| templates(one))).collect();
    let mut text = String::new();
    for pod in pods {
        for file in &files {
            let place = |arm: &Arm| format!("{}/{pod}/{file}", arm.name);
            let (from, old) = base.map_or(Ok(absent()), |base| read(planes, place(base)))?;
            let (to, new) = read(planes, place(arm))?;
            text.push_str(&plane::difference((&from, &old), (&to, &new)));
        }
    }
    Ok(text)
}

/// Names of the files that a user's own proxy gets.
fn templates(arm: &Arm) -> impl Iterator<Item = &str> {
    let own = match &arm.plane {
        Plane::Proxy(proxy) => &proxy.templates[..],
        Plane::None | Plane::Sidecar(_) => &[],
    };
    own.iter().map(|template| &*template.name)
}

fn pods(arm: &Path) -> io::Result<BTreeSet<String>> {
    fs::read_dir(arm)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Returns a file's name and text, or [`absent`] if the arm has no such file because no proxy stands at that pod. Links
/// are not followed and reads never wait, because a proxy may write in its pod's folder.
fn read(planes: &Path, name: String) -> io::Result<(String, String)> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(planes.join(&name));
    match file.and_then(io::read_to_string) {
        Err(error) if [Errno::ENOENT, Errno::ELOOP].map(|errno| Some(errno as i32)).contains(&error.raw_os_error()) => {
            Ok(absent())
        }
        other => other.map(|text| (name, text)),
    }
}

/// The entry in a diff for a file that does not exist.
fn absent() -> (String, String) {
    ("/dev/null".to_owned(), String::new())
}

#[cfg(test)]
mod tests;
