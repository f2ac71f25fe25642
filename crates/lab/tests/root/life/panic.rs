//! A panic on the way of a run unwinds through the lab, which cleans up as it goes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use ground::{ArmPlan, Limits, Network, Periods};
use lab::{Blueprint, Lab, Program, Role, Stop, Trees};
use plane::Plane;

use super::assert_gone;
use testbed::{Host, insist_on_root, marks};

const TOPOLOGY: &str = include_str!("../../../../../topologies/pair.yaml");
const WORDS: &str = "a panic of this test";

/// This binary in one of its hidden roles, as the run starts them.
fn program(arguments: &[&str]) -> Program {
    let command = [testbed::binary(), "role"].into_iter().chain(arguments.iter().copied());
    Program { command: command.map(str::to_owned).collect(), environment: Vec::new(), takes_orders: true }
}

/// Stands up two arms of the pair, hands the lab to `then`, and panics somewhere; nothing of it stays.
fn panics(programs: &(dyn Fn(&str, Role<'_>) -> Program + Sync), then: impl FnOnce(&str, Lab)) {
    insist_on_root();
    let before = Host::look();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("topology.yaml");
    std::fs::write(&file, TOPOLOGY).unwrap();
    let claim = lab::claim().unwrap();
    let id = claim.id().to_owned();
    let arms = ["one", "two"].map(|name| ArmPlan {
        name: name.to_owned(),
        plane: Plane::None,
        gateway: None,
        probes: Periods::default(),
        limits: Limits::default(),
    });
    let blueprint = Blueprint {
        topology: &topology::read_topology(TOPOLOGY).unwrap(),
        arms: &arms,
        network: Network::Routed,
        programs: &|role| programs(file.to_str().unwrap(), role),
        envoy: Path::new("none"),
        folder: home.path(),
        working_folder: home.path(),
        shown: &[testbed::binary().into()],
        patience: Duration::from_secs(60),
    };
    let work = || {
        let lab = lab::stand_up(&blueprint, claim, Trees::discover().unwrap(), &Stop::default()).unwrap();
        then(&id, lab);
    };
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("it panics");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&WORDS));
    assert_gone(&id, &before);
}

fn start(topology: &str, role: Role<'_>) -> Program {
    match role {
        Role::Pause => program(&["pause"]),
        Role::Client => program(&["load"]),
        Role::Dns { zone } => program(&["dns", &zone.to_string_lossy()]),
        Role::Kubelet { .. } | Role::Pilot { .. } => unreachable!("nobody is asked, and nothing is meshed"),
        Role::Service { pod, .. } => program(&["service", "--topology", topology, "--pod", pod]),
    }
}

#[test]
fn a_panic_while_the_lab_stands_leaves_nothing() {
    panics(&start, |id, lab| {
        let standing = marks(id);
        for kind in ["netns", "group", "mount", "process", "lock"] {
            assert!(standing.iter().any(|mark| mark.starts_with(kind)), "no {kind}: {standing:#?}");
        }
        let _held = lab;
        std::panic::panic_any(WORDS);
    });
}

#[test]
fn a_panic_while_the_lab_is_stood_up_leaves_nothing() {
    let one_arm_panics = |topology: &str, role: Role<'_>| match role {
        Role::Service { arm: "two", .. } => std::panic::panic_any(WORDS),
        other => start(topology, other),
    };
    panics(&one_arm_panics, |_, _| unreachable!("it does not stand"));
}
