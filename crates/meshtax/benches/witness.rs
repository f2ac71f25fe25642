//! The cost of watching: nginx at saturation without a monitor, under the TCP witness, under all witnesses of the
//! agent, and under the algorithm of bcc's tcptop, in short alternating blocks. Run it on a quiet machine, as root,
//! with `make bench`. Arguments choose parts by name (`mesh`, `keep`, `close`, `connect`, `calls`, `agent`), a number
//! is the number of rounds, and `witness` leaves out the other monitors, for more rounds in less time.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "witness/agent.rs"]
mod agent;
#[path = "witness/calls.rs"]
mod calls;
#[path = "witness/connect.rs"]
mod connect;
#[path = "witness/group.rs"]
mod group;
#[path = "witness/mesh.rs"]
mod mesh;
#[path = "witness/monitor.rs"]
mod monitor;
#[path = "witness/nginx.rs"]
mod nginx;
#[path = "witness/pairs.rs"]
mod pairs;
#[path = "witness/steady.rs"]
mod steady;
#[path = "witness/table.rs"]
mod table;
#[path = "witness/tcptop.rs"]
mod tcptop;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::slice;
use std::time::Duration;

use calls::{Call, Counting, calls};
use measure::{ContainerUse, Histogram, LoadBlock, MachineUse, Metric, Observations, Options, Phase, Reading, Samples};
use meter::{Machine, Snapshot, Used};
use monitor::{Arm, Monitor};
use nginx::{Nginx, Seen, Workload};
use nix::sched::{CloneFlags, unshare};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use table::{MARGIN, Row};
use tcptop::Tcptop;

const ROUNDS: u32 = 25;
const BLOCK: Duration = Duration::from_secs(1);
const SETTLING: Duration = Duration::from_millis(200);
const WARM_UP: Duration = Duration::from_secs(2);
const SEED: u64 = 1;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let rounds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(ROUNDS);
    let is_alone = arguments.iter().any(|argument| argument == Arm::Witness.name());
    let is_part = |argument: &&String| argument.parse::<u32>().is_err() && *argument != Arm::Witness.name();
    let parts: Vec<&String> = arguments.iter().filter(is_part).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|name| *name == part);
    let mut missed = Vec::new();
    if is_wanted("mesh") {
        missed.extend(mesh::compare(rounds));
    }
    enter_own_network();
    let home = tempfile::tempdir().expect("there is a folder for temporary files");
    let tcptop = Tcptop::compile(home.path());
    for workload in Workload::ALL.into_iter().filter(|workload| is_wanted(workload.name())) {
        missed.extend(compare(&Nginx::start(home.path()), workload, &Trial { tcptop: &tcptop, is_alone, rounds }));
    }
    if is_wanted("connect") {
        connect::cost(&Trial { tcptop: &tcptop, is_alone, rounds });
    }
    if is_wanted("calls") {
        count_calls(&Nginx::start(home.path()), &tcptop);
    }
    if is_wanted("agent") {
        missed.extend(agent::cost());
    }
    assert!(missed.is_empty(), "goals that are missed: {missed:#?}");
}

/// Moves this process and its children into a network namespace of their own, with only `lo`.
fn enter_own_network() {
    unshare(CloneFlags::CLONE_NEWNET).expect("root may make namespaces");
    let status = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    assert!(status.expect("`ip` is there").success());
    fs::write("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535").expect("root may widen it");
}

/// The monitors to compare, and the number of rounds.
pub struct Trial<'a> {
    tcptop: &'a Tcptop,
    /// Whether only the witness takes part, beside the arms that show the noise floor.
    is_alone: bool,
    rounds: u32,
}

impl Trial<'_> {
    /// The given arms that take part, with their loaded monitors.
    fn load(&self, arms: &[Arm]) -> Vec<(Arm, Monitor)> {
        let takes_part = |arm: &Arm| !self.is_alone || matches!(arm, Arm::None | Arm::Witness | Arm::Null);
        arms.iter().copied().filter(takes_part).map(|arm| (arm, arm.load(self.tcptop))).collect()
    }
}

/// A block of load under a monitor, or without one.
struct Block {
    arm: Arm,
    round: u32,
    seen: Seen,
    used: Used,
}

/// Runs the rounds. Returns the goals that were missed.
fn compare(nginx: &Nginx, workload: Workload, trial: &Trial<'_>) -> Vec<String> {
    let machine = Machine::open(Path::new("/")).expect("there is /proc");
    let mut chance = ChaCha8Rng::seed_from_u64(SEED);
    let mut monitors = trial.load(&Arm::ALL);
    let arms: Vec<Arm> = monitors.iter().map(|(arm, _)| *arm).collect();
    let mut blocks = Vec::new();
    nginx.warm_up(workload, WARM_UP);
    for round in 0..trial.rounds {
        monitors.shuffle(&mut chance);
        for (arm, monitor) in &mut monitors {
            blocks.push(block(nginx, workload, (*arm, round), monitor, &machine));
        }
    }
    describe(workload, &blocks, trial.rounds);
    let goals = Goals::of(workload);
    let rows = [(Metric::Requests, "throughput"), (Metric::LatencyMsP50, "p50"), (Metric::LatencyMsP99, "p99")];
    let rows = rows.map(|(metric, name)| Row { metric, name, goal: goals.service });
    let mut missed = table::print(
        &measure::measure(&observations(&arms, &blocks), &Options { margin: MARGIN, ..Options::default() }),
        &rows,
    );
    missed.extend(steady::cost(nginx, workload, trial, goals.cpu));
    missed
}

/// Runs a block. Attaching is over before the block begins, and the monitor is read after it: an agent is read every
/// fifteen seconds, which is measured separately.
fn block(
    nginx: &Nginx,
    workload: Workload,
    (arm, round): (Arm, u32),
    monitor: &mut Monitor,
    machine: &Machine,
) -> Block {
    monitor.attach();
    nginx.warm_up(workload, SETTLING);
    let earlier = monitor.read();
    let take = || Snapshot::take(slice::from_ref(nginx.group.meter()), &[], machine).expect("nginx runs");
    let before = take();
    let seen = nginx.load(workload, BLOCK);
    let used = before.until(&take());
    let moved = monitor.read();
    monitor.detach();
    assert!(moved != earlier || matches!(monitor, Monitor::None), "{arm:?} has seen nothing");
    assert_eq!(seen.errors, 0, "requests failed in round {round} of {arm:?}");
    Block { arm, round, seen, used }
}

/// The most that watching may cost.
struct Goals {
    /// The limit for throughput and latency.
    service: Option<f64>,
    cpu: f64,
}

impl Goals {
    fn of(workload: Workload) -> Self {
        match workload {
            Workload::Keep => Self { service: Some(MARGIN), cpu: MARGIN },
            Workload::Close => Self { service: None, cpu: 0.03 },
        }
    }
}

/// Turns blocks into observations of a run, with all amounts per second, because wrk's blocks differ in length.
fn observations(arms: &[Arm], blocks: &[Block]) -> Observations {
    let amounts = blocks.iter().map(|block| Amounts {
        arm: block.arm,
        round: block.round,
        requests: block.seen.rate().round() as u64,
        latency: block.seen.latency(),
        cpu_s: block.used.containers[0].cpu_s / block.seen.wall_s(),
    });
    observed(arms, amounts.collect())
}

/// Amounts per second, or per as many requests, under a monitor.
struct Amounts {
    arm: Arm,
    round: u32,
    requests: u64,
    latency: Histogram,
    cpu_s: f64,
}

/// Turns amounts into observations of a run. The first arm is the baseline.
fn observed(arms: &[Arm], amounts: Vec<Amounts>) -> Observations {
    let meters = amounts.iter().map(|amounts| Reading {
        phase: Phase::Load,
        arm: amounts.arm.name().to_owned(),
        round: amounts.round,
        started_s: 0.0,
        suspended_s: 0.0,
        wall_s: 1.0,
        containers: vec![ContainerUse { cpu_s: amounts.cpu_s, ..ContainerUse::default() }],
        links: Vec::new(),
        machine: MachineUse::default(),
    });
    let meters = meters.collect();
    let load = amounts.into_iter().map(|amounts| LoadBlock {
        arm: amounts.arm.name().to_owned(),
        round: amounts.round,
        samples: Samples { wall_s: 1.0, requests: amounts.requests, latency: amounts.latency, ..Samples::default() },
    });
    Observations {
        arms: arms.iter().map(|arm| arm.name().to_owned()).collect(),
        load: load.collect(),
        meters,
        ..Observations::default()
    }
}

fn describe(workload: Workload, blocks: &[Block], rounds: u32) {
    let alone = || blocks.iter().filter(|block| block.arm == Arm::None);
    let mean = |figure: fn(&Block) -> f64| alone().map(figure).sum::<f64>() / f64::from(rounds);
    println!(
        "\nnginx, 1 KiB, {}: {:.0} requests/s without a monitor, nginx takes {:.2} cores and the machine {:.2}",
        match workload {
            Workload::Keep => "64 kept connections",
            Workload::Close => "a connection for each request, 64 at a time",
        },
        mean(|block| block.seen.rate()),
        mean(|block| block.used.containers[0].cpu_s / block.used.wall_s),
        mean(|block| block.used.machine.busy_s / block.used.wall_s),
    );
    println!(
        "{rounds} rounds, each with a block of {} s of every arm: arms against `none`, 95 % intervals, margin {:.0} %",
        BLOCK.as_secs(),
        MARGIN * 100.0
    );
}

/// Prints the time of each program per run, and how often it ran per request.
fn count_calls(nginx: &Nginx, tcptop: &Tcptop) {
    let _counting = Counting::begin();
    let mut empty = Monitor::Tcptop(tcptop.load(&["empty"]));
    empty.attach();
    println!("\ntime that programs take, as the kernel counts it; `empty` does nothing and shows what counting takes");
    told(nginx, "empty", Workload::Keep, &empty);
    drop(empty);
    for arm in [Arm::Agent, Arm::Tcptop] {
        for workload in Workload::ALL {
            let mut monitor = arm.load(tcptop);
            monitor.attach();
            told(nginx, arm.name(), workload, &monitor);
        }
    }
}

fn told(nginx: &Nginx, monitor_name: &str, workload: Workload, monitor: &Monitor) {
    let seen = nginx.load(workload, BLOCK);
    monitor.read();
    for Call { program, runs, ns } in calls().into_values() {
        let for_each = runs as f64 / seen.requests as f64;
        println!(
            "{monitor_name:<8} {:<6} {program:<14} {ns:>5.0} ns, {for_each:.3} runs a request, n={runs}",
            workload.name()
        );
    }
}
