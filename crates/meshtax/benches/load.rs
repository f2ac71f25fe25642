//! The load generator beside wrk: CPU per request and requests a second, at an nginx that answers 1 KiB over 50 kept
//! connections. Both clients run one thread on the last processor, and nginx one worker on the first.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::fs;
use std::net::TcpStream;
use std::num::NonZero;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use measure::{ContainerUse, LoadBlock, MachineUse, Metric, Observations, Options, Phase, Reading, Samples, measure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::Value;

/// Rounds, each with a block of both clients.
const ROUNDS: u32 = 20;
const BLOCK_S: u32 = 2;
const PORT: u16 = 18_090;
/// The most CPU per request beside wrk's.
const CPU_RATIO_MAX: f64 = 0.92;

/// A web server of this benchmark's own.
struct Nginx(Child);

impl Nginx {
    fn start(home: &Path) -> Nginx {
        fs::write(home.join("page"), "x".repeat(1024)).expect("the folder can be written");
        let text = format!(
            "worker_processes 1;\nworker_cpu_affinity 1;\ndaemon off;\npid {0}/pid;\nerror_log {0}/errors;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; root {0};\n\
             server {{ listen 127.0.0.1:{PORT}; }} }}\n",
            home.display()
        );
        let file = home.join("nginx.conf");
        fs::write(&file, text).expect("the folder can be written");
        let child = Command::new("nginx").arg("-c").arg(&file).stderr(Stdio::null()).spawn();
        let nginx = Nginx(child.expect("`make setup` installs nginx"));
        while TcpStream::connect(("127.0.0.1", PORT)).is_err() {
            thread::sleep(Duration::from_millis(10));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.0.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("nginx runs until now");
        self.0.wait().expect("nginx is a child");
    }
}

/// A client, by what it is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Wrk,
    Meshtax,
}

impl Client {
    const BOTH: [Client; 2] = [Client::Wrk, Client::Meshtax];

    fn name(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Meshtax => "meshtax",
        }
    }

    /// One block: requests, and the client's CPU time in seconds.
    fn block(self) -> (u64, f64) {
        let last = thread::available_parallelism().map_or(1, NonZero::get) - 1;
        let url = format!("http://127.0.0.1:{PORT}/page");
        let seconds = format!("{BLOCK_S}s");
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &last.to_string()]);
        match self {
            Self::Wrk => command.args(["wrk", "-t1", "-c50", "-d", &seconds, &url]),
            Self::Meshtax => command.arg(env!("CARGO_BIN_EXE_meshtax")).args([
                "load",
                "-c",
                "50",
                "-z",
                &seconds,
                "--threads",
                "1",
                "--json",
                &url,
            ]),
        };
        let before = cpu_s();
        let output = command.output().expect("`make setup` installs wrk");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (self.requests(&String::from_utf8_lossy(&output.stdout)), cpu_s() - before)
    }

    fn requests(self, printed: &str) -> u64 {
        match self {
            Self::Wrk => {
                let line = printed.lines().find(|line| line.contains(" requests in ")).expect("wrk counts requests");
                line.split_whitespace().next().and_then(|count| count.parse().ok()).expect("wrk prints a number")
            }
            Self::Meshtax => {
                let result: Value = serde_json::from_str(printed).expect("the result is JSON");
                result["metrics"]["requests"]["value"].as_f64().expect("requests are counted") as u64
            }
        }
    }
}

/// CPU time of all children that have ended, in seconds.
fn cpu_s() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("a process may ask for its own use");
    (usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6
}

fn main() {
    let home = tempfile::tempdir().expect("there is a folder for temporary files");
    let _nginx = Nginx::start(home.path());
    let mut seen =
        Observations { arms: Client::BOTH.map(|client| client.name().to_owned()).to_vec(), ..Observations::default() };
    for round in 0..ROUNDS {
        let mut order = Client::BOTH;
        if round % 2 == 1 {
            order.reverse();
        }
        for client in order {
            let (requests, cpu_s) = client.block();
            println!(
                "round {round}: {:<8} {requests:>8} requests, {:.2} us of CPU each",
                client.name(),
                cpu_s / requests as f64 * 1e6
            );
            let arm = client.name().to_owned();
            let samples = Samples { wall_s: f64::from(BLOCK_S), requests, ..Samples::default() };
            seen.load.push(LoadBlock { arm: arm.clone(), round, samples });
            seen.meters.push(Reading {
                phase: Phase::Load,
                arm,
                round,
                started_s: 0.0,
                suspended_s: 0.0,
                wall_s: f64::from(BLOCK_S),
                containers: vec![ContainerUse { cpu_s, ..ContainerUse::default() }],
                links: Vec::new(),
                machine: MachineUse::default(),
            });
        }
    }
    let effects = measure(&seen, &Options::default()).effects;
    let ratio = |metric: Metric| {
        let effect = effects.iter().find(|effect| effect.metric == metric.name()).expect("every metric has an effect");
        let [low, high] = effect.ratio_ci95.expect("twenty rounds have an interval");
        let ratio = effect.ratio.expect("wrk uses CPU");
        println!("{}: {ratio:.3} x wrk [{low:.3}, {high:.3}], {ROUNDS} rounds of {BLOCK_S} s", metric.name());
        ratio
    };
    ratio(Metric::Requests);
    let cpu = ratio(Metric::CpuMsPerRequest);
    assert!(cpu <= CPU_RATIO_MAX, "CPU per request is {cpu:.3} x wrk's, at most {CPU_RATIO_MAX}");
}
