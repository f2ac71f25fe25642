//! Rules of network namespaces, through `nft`.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::error::{LabError, step};
use crate::files::write_anew;
use crate::namespace::NetNs;
use crate::process::PATH;

/// Keeps the rules as a file and has `nft` load it inside `netns`.
pub(crate) fn apply_rules(netns: &NetNs, path: &Path, rules: &str) -> Result<(), LabError> {
    write_anew(path, rules).map_err(step(format!("write {}", path.display())))?;
    nft(netns, rules).map(drop)
}

/// From this program's own `PATH` or, since that often lacks the folders of administrators, from the lab's.
fn spawn_nft() -> io::Result<Child> {
    let mut nft = Command::new("nft");
    nft.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    match nft.spawn() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => nft.env("PATH", PATH).spawn(),
        spawned => spawned,
    }
}

/// Has `nft` perform commands inside `netns`; what it says.
pub(crate) fn nft(netns: &NetNs, rules: &str) -> Result<String, LabError> {
    let output = netns.run(|| {
        let mut child = spawn_nft()?;
        // One that has ended takes no commands; its status and its words say why.
        let taken = child.stdin.take().expect("standard input is piped").write_all(rules.as_bytes());
        child.wait_with_output().map(|output| (output, taken.is_ok()))
    });
    let (output, is_taken) = output.map_err(step("run `nft`"))?;
    if output.status.success() && is_taken {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let message = if said.trim().is_empty() { format!("it ended ({})", output.status) } else { said.trim().to_owned() };
    Err(LabError::Tool { tool: "nft", message })
}
