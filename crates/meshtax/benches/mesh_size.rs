//! How a sidecar's memory depends on the number of services in its configuration: three sidecars of `pair` for each
//! `mesh_size`, at rest. Private memory and the proportional set size are the kernel's (`smaps_rollup`). The resident
//! set size counts Envoy's program text anew for each sidecar, though all share it.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SIZES: [u32; 4] = [0, 10, 100, 1000];
const PODS: [&str; 3] = ["front-v1", "back-v1", "client"];

/// Memory of one sidecar, in MiB.
#[derive(Clone, Copy)]
struct Memory {
    private: f64,
    proportional: f64,
    resident: f64,
}

fn main() {
    let home = tempfile::tempdir().expect("there is a folder for temporary files");
    let arms: String = SIZES.map(|size| format!("  m{size}: {{plane: sidecar, mesh_size: {size}}}\n")).concat();
    let experiment = home.path().join("experiment.yaml");
    let text = format!(
        "name: mesh-size\ntopology: pair\narms:\n{arms}load:\n  sequential: {{target: 'http://front:8080/', requests: 100}}\n\
         warmup: 0\nrounds: 1\nidle: {{windows: 8, window: 50ms}}\n"
    );
    fs::write(&experiment, text).expect("the folder takes files");
    let folder = home.path().join("run");
    let mut run = Command::new(env!("CARGO_BIN_EXE_meshtax"));
    let output =
        run.arg("run").arg(&experiment).arg("--keep").arg("--out").arg(&folder).output().expect("it was built");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let rows: Vec<[String; 5]> = SIZES.iter().map(|size| row(*size, &said, &folder)).collect();
    let id = said.lines().find_map(|line| line.strip_prefix("remove it with: meshtax clean ")).expect("it was kept");
    let cleaned = Command::new(env!("CARGO_BIN_EXE_meshtax")).args(["clean", id]).output().expect("it was built");
    assert!(cleaned.status.success(), "{}", String::from_utf8_lossy(&cleaned.stderr));
    println!("{:>9} {:>16} {:>22} {:>22} {:>22}", "mesh_size", "bootstrap, kB", "private, MiB", "PSS, MiB", "RSS, MiB");
    for [size, bootstrap, private, proportional, resident] in rows {
        println!("{size:>9} {bootstrap:>16} {private:>22} {proportional:>22} {resident:>22}");
    }
}

/// One row: the mesh size, the bootstrap of the pod that calls and serves, and the memory of the smallest and the
/// largest sidecar.
fn row(size: u32, said: &str, folder: &Path) -> [String; 5] {
    let memories = PODS.map(|pod| memory(said, &format!("# m{size}/{pod}")));
    let bootstrap =
        fs::metadata(folder.join(format!("planes/m{size}/front-v1/bootstrap.json"))).expect("it was written");
    let spread = |part: fn(&Memory) -> f64| {
        let mut parts = memories.each_ref().map(part);
        parts.sort_by(f64::total_cmp);
        let mean = parts.iter().sum::<f64>() / parts.len() as f64;
        format!("{mean:.1} [{:.1}, {:.1}]", parts[0], parts[parts.len() - 1])
    };
    [
        size.to_string(),
        format!("{:.0}", bootstrap.len() as f64 / 1e3),
        spread(|memory| memory.private),
        spread(|memory| memory.proportional),
        spread(|memory| memory.resident),
    ]
}

/// Memory of the Envoy in the pod that the run's farewell marks with `mark`.
fn memory(said: &str, mark: &str) -> Memory {
    let line = said.lines().find(|line| line.trim_end().ends_with(mark)).expect("the farewell names every pod");
    let enter: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
    let read = ["sh", "-c", "cat /proc/$(pgrep -x envoy)/smaps_rollup"];
    let output: Output = Command::new(enter[0]).args(&enter[1..]).args(read).output().expect("nsenter is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells it");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("kilobytes") / 1024.0
    };
    Memory { private: mib("Private_Clean:") + mib("Private_Dirty:"), proportional: mib("Pss:"), resident: mib("Rss:") }
}
