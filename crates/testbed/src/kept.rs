//! A lab that stays up for a test.

use std::path::Path;
use std::process::{Command, Output};

use crate::run::Run;
use crate::tool::{meshtax, words};

/// A lab that was kept after a short run. It is removed on drop.
pub struct Kept {
    /// The run that made the lab.
    pub run: Run,
    /// The run's id.
    pub id: String,
}

impl Kept {
    /// Stands up `topology` in the arms `none` and `sidecar`, sends a few requests, and keeps the lab.
    pub fn stand(topology: &Path) -> Kept {
        Kept::after(&["--topology", &topology.to_string_lossy(), "--requests", "6", "--rounds", "1"])
    }

    /// Runs `meshtax run ARGUMENTS`, and keeps its lab.
    pub fn after(arguments: &[&str]) -> Kept {
        let run = Run::perform(&[arguments, &["--keep"]].concat());
        let id = run.said.lines().find_map(|line| line.strip_prefix("remove it with: meshtax clean "));
        let id = id.expect("a kept lab says how to remove it").to_owned();
        Kept { run, id }
    }

    /// Returns a command that runs in a pod's network namespace, with the host's files and name lookups.
    pub fn command_inside(&self, arm: &str, pod: &str, program: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/meshtax/netns/meshtax-{}-{arm}-{pod}", self.id)).args(program);
        command
    }

    /// Runs a program in a pod's network namespace, with the host's files, and returns its output.
    pub fn inside(&self, arm: &str, pod: &str, program: &[&str]) -> Output {
        self.command_inside(arm, pod, program).output().unwrap()
    }

    /// Runs a program in a pod's network, mount and PID namespaces, with the pod's own `/etc/resolv.conf`.
    pub fn enter(&self, arm: &str, pod: &str, program: &[&str]) -> Output {
        let mark = format!("# {arm}/{pod}");
        let line =
            self.run.said.lines().find(|line| line.trim_end().ends_with(&mark)).expect("the hint names every pod");
        let nsenter: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        Command::new(nsenter[0]).args(&nsenter[1..]).args(program).output().unwrap()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let output = meshtax().args(["clean", &self.id]).output().unwrap();
        if !std::thread::panicking() {
            assert!(output.status.success(), "{}", words(&output));
        }
    }
}
