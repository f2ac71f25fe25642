//! Topologies, experiments and their templates that are part of the binary, under the names that they have in the repository.

use std::path::Path;
use std::process::ExitCode;

use crate::failure::{Failure, Hint};
use crate::output::print;
use crate::text;

const FILES: &[(&str, &str)] = &[
    ("experiments/bookinfo-lean.yaml", include_str!("../../../experiments/bookinfo-lean.yaml")),
    (
        "experiments/bookinfo-sequential-correct.yaml",
        include_str!("../../../experiments/bookinfo-sequential-correct.yaml"),
    ),
    ("experiments/bookinfo-sequential.yaml", include_str!("../../../experiments/bookinfo-sequential.yaml")),
    ("experiments/calibrate.yaml", include_str!("../../../experiments/calibrate.yaml")),
    ("experiments/demo.yaml", include_str!("../../../experiments/demo.yaml")),
    ("experiments/faults.yaml", include_str!("../../../experiments/faults.yaml")),
    ("experiments/fidelity.yaml", include_str!("../../../experiments/fidelity.yaml")),
    ("experiments/four-arms.yaml", include_str!("../../../experiments/four-arms.yaml")),
    ("experiments/one-hop.yaml", include_str!("../../../experiments/one-hop.yaml")),
    ("experiments/options.yaml", include_str!("../../../experiments/options.yaml")),
    ("experiments/pair.yaml", include_str!("../../../experiments/pair.yaml")),
    ("experiments/proxies.yaml", include_str!("../../../experiments/proxies.yaml")),
    ("experiments/proxies/haproxy.cfg", include_str!("../../../experiments/proxies/haproxy.cfg")),
    ("experiments/proxies/nginx.conf", include_str!("../../../experiments/proxies/nginx.conf")),
    ("experiments/simple-sequential-correct.yaml", include_str!("../../../experiments/simple-sequential-correct.yaml")),
    ("experiments/simple-sequential.yaml", include_str!("../../../experiments/simple-sequential.yaml")),
    ("topologies/bookinfo-lean.yaml", include_str!("../../../topologies/bookinfo-lean.yaml")),
    ("topologies/bookinfo.yaml", include_str!("../../../topologies/bookinfo.yaml")),
    ("topologies/calibrate.yaml", include_str!("../../../topologies/calibrate.yaml")),
    ("topologies/faults.yaml", include_str!("../../../topologies/faults.yaml")),
    ("topologies/one-hop.yaml", include_str!("../../../topologies/one-hop.yaml")),
    ("topologies/pair.yaml", include_str!("../../../topologies/pair.yaml")),
    ("topologies/simple.yaml", include_str!("../../../topologies/simple.yaml")),
];

/// The bundled file of that name, if there is one.
pub fn file(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The text of a file: the one at `path`, else the bundled one of that name.
pub fn read(path: &Path) -> Result<String, Failure> {
    match text::written(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            file(&path.to_string_lossy()).map(str::to_owned).ok_or_else(|| {
                let hint = listing(&path.to_string_lossy());
                Failure::new(format!("no file `{}`, and none of that name is bundled", path.display()), hint)
            })
        }
        other => other
            .map_err(|error| anyhow::Error::new(error).context(format!("cannot read `{}`", path.display())))
            .hint("name a YAML file that this user may read"),
    }
}

/// `meshtax show`.
pub fn show(name: Option<&str>) -> Result<ExitCode, Failure> {
    match name {
        None => print(&names().map(|name| format!("{name}\n")).collect::<String>())?,
        Some(name) => {
            print(
                file(name).ok_or_else(|| Failure::new(format!("nothing bundled is called `{name}`"), listing(name)))?,
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// All names, and the one that was probably meant: called so in its folder, or nearly so.
fn listing(written: &str) -> String {
    let bare = |name: &'static str| name.rsplit('/').next().unwrap_or(name);
    let meant = |name: &&'static str| bare(name).split('.').next() == written.split('.').next();
    let near = || topology::nearest(written, names());
    let near_in_its_folder = || names().find(|name| topology::nearest(written, names().map(bare)) == Some(bare(name)));
    let all = format!("bundled are {}", names().collect::<Vec<_>>().join(", "));
    match names().find(meant).or_else(near).or_else(near_in_its_folder) {
        Some(near) => format!("did you mean `{near}`? {all}"),
        None => all,
    }
}
