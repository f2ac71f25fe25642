//! `check` and `run` both print what a plan needs, and refuse it if the machine grants less.

use std::path::Path;
use std::process::{Command, Output};

use testbed::{binary, words};

/// A topology of this many services, in a folder of its own.
fn topology(services: u32) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let service = |number| format!("  s{number}: {{port: 8080, endpoints: {{/: {{response: 5 B}}}}}}\n");
    let services: String = (0..services).map(service).collect();
    std::fs::write(home.path().join("many.yaml"), format!("name: many\nservices:\n{services}")).unwrap();
    home
}

/// Runs `meshtax check many.yaml` with this many open files granted.
fn check_with(files: u64, folder: &Path) -> Output {
    let script = format!("ulimit -n {files} && exec {} check many.yaml", binary());
    Command::new("sh").args(["-c", &script]).current_dir(folder).output().unwrap()
}

fn row(output: &Output, name: &str) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find_map(|line| line.trim().strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name}: {said}")).trim().to_owned()
}

#[test]
fn files_are_refused_below_what_a_plan_takes_and_not_above() {
    let home = topology(20);
    let generous = check_with(1000, home.path());
    assert!(generous.status.success(), "{}", words(&generous));
    let takes: u64 = row(&generous, "open files").parse().unwrap();
    assert!(check_with(takes, home.path()).status.success());
    let refused = check_with(takes - 1, home.path());
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr),
        format!(
            "error: this machine grants too little for the experiment, which takes at least {takes} open files, but the hard limit \
             of open files (RLIMIT_NOFILE) is {}\n\nhint: raise the limit of open files: `prlimit --nofile=2000:2000 meshtax …` \
             as root; or ask for less: fewer arms (`--arms`), services, instances or workers\n",
            takes - 1
        )
    );
}

/// An arm has room for a thousand services at most, and each is known by a thousand sidecars.
#[test]
fn thousands_of_services_are_told_or_refused_at_once() {
    let many = topology(1000);
    let told = check_with(1000, many.path());
    assert_eq!(told.status.code(), Some(2), "{}", words(&told));
    assert_eq!(row(&told, "pods"), "3003 in 3 arms at once");
    assert!(words(&told).contains("open files, but the hard limit"), "{}", words(&told));
    let too_many = check_with(1000, topology(3000).path());
    assert_eq!(too_many.status.code(), Some(2));
    assert!(words(&too_many).contains("there are more than 1000 pods, counted up to here"), "{}", words(&too_many));
}

/// A topology can ask for 64 GiB per pod at most; here are sixty such pods.
#[test]
fn memory_that_no_machine_has_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let text = |memory: &str| {
        let pods = format!("port: 80, instances: 20, memory: {memory}");
        format!("name: t\nservices:\n  a: {{{pods}, endpoints: {{/: {{response: 5 B}}}}}}\n")
    };
    std::fs::write(home.path().join("many.yaml"), text("64 GiB")).unwrap();
    let refused = check_with(2000, home.path());
    assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
    assert!(words(&refused).contains("of memory, but "), "{}", words(&refused));
    std::fs::write(home.path().join("many.yaml"), text("1 MiB")).unwrap();
    assert!(check_with(2000, home.path()).status.success());
}
