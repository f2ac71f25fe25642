//! What distinguishes the sidecars of one arm from those of another, for readers of a run folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use plane::Plane;

use crate::experiment::Arm;

/// What a sidecar is made of: redirect rules, command line, configuration.
const FILES: [&str; 3] = ["redirect.nft", "command.txt", "bootstrap.json"];

/// Writes `planes/ARM.diff` for each arm with sidecars but the first one, whose sidecars it is compared with: a unified
/// diff over all pods, empty if they are the same.
pub fn write_differences(ground: &Path, arms: &[Arm]) -> anyhow::Result<()> {
    let planes = ground.join("planes");
    let mut sidecars = arms.iter().filter(|arm| matches!(arm.plane, Plane::Sidecar(_))).map(|arm| &*arm.name);
    let Some(base) = sidecars.next() else { return Ok(()) };
    for arm in sidecars {
        let text = difference(&planes, base, arm).with_context(|| format!("cannot compare `{base}` with `{arm}`"))?;
        let file = planes.join(format!("{arm}.diff"));
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn difference(planes: &Path, base: &str, arm: &str) -> io::Result<String> {
    let mut pods = pods(&planes.join(base))?;
    pods.extend(self::pods(&planes.join(arm))?);
    let mut text = String::new();
    for pod in pods {
        for file in FILES {
            let [from, to] = [base, arm].map(|arm| format!("{arm}/{pod}/{file}"));
            let (old, new) = (read(planes, &from)?, read(planes, &to)?);
            let name = |path: String, text: &Option<String>| text.as_ref().map_or("/dev/null".to_owned(), |_| path);
            let (from, to) = (name(from, &old), name(to, &new));
            let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
            text.push_str(&plane::difference((&from, &old), (&to, &new)));
        }
    }
    Ok(text)
}

fn pods(arm: &Path) -> io::Result<BTreeSet<String>> {
    fs::read_dir(arm)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// None where the arm has no such file: no sidecar stands by that pod.
fn read(planes: &Path, name: &str) -> io::Result<Option<String>> {
    match fs::read_to_string(planes.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}
