//! nginx and wrk, both on the last core. A load that crosses cores varies from block to block by more than any monitor
//! costs.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use measure::Histogram;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

use crate::group::Group;

/// The address where nginx listens.
pub const PLACE: &str = "127.0.0.1:8080";
const BODY_BYTES: usize = 1024;
const CONNECTIONS: &str = "64";
const PATIENCE: Duration = Duration::from_secs(10);

/// How connections are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// One request after the other on kept connections.
    Keep,
    /// A connection for each request.
    Close,
}

impl Workload {
    pub const ALL: [Self; 2] = [Self::Keep, Self::Close];

    /// The name among the arguments and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Close => "close",
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Keep => "Connection: keep-alive",
            Self::Close => "Connection: close",
        }
    }
}

/// A running nginx with one worker, in a control group of its own. It ends when this is dropped.
pub struct Nginx {
    folder: PathBuf,
    child: Child,
    pub group: Group,
}

/// What wrk measured.
#[derive(Debug, Deserialize)]
pub struct Seen {
    duration_us: u64,
    pub requests: u64,
    pub errors: u64,
    /// Latencies in microseconds, and how often each was seen.
    latency_us: Vec<(u64, u64)>,
}

impl Nginx {
    /// Starts nginx, and waits until it listens.
    pub fn start(folder: &Path) -> Self {
        fs::write(folder.join("body"), [b'm'; BODY_BYTES]).expect("there is room");
        fs::write(folder.join("wrk.lua"), include_str!("wrk.lua")).expect("there is room");
        let settings = folder.join("nginx.conf");
        fs::write(&settings, configuration(folder)).expect("there is room");
        let group = Group::create("nginx");
        let child = group.spawn(on_last_core("nginx").args(["-e", "stderr", "-c"]).arg(settings));
        let nginx = Self { folder: folder.to_owned(), child, group };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(PLACE).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(1));
        }
        nginx
    }

    /// Puts load on nginx for `time`, outside all figures.
    pub fn warm_up(&self, workload: Workload, time: Duration) {
        self.under_load(workload, || std::thread::sleep(time));
    }

    /// Does something while nginx is under load.
    pub fn under_load(&self, workload: Workload, meanwhile: impl FnOnce()) {
        let wrk = self.wrk(workload, Duration::from_secs(3600));
        meanwhile();
        kill(pid(&wrk), Signal::SIGINT).expect("it runs");
        assert_eq!(ended(wrk).errors, 0, "requests failed");
    }

    /// Puts load on nginx for whole seconds.
    pub fn load(&self, workload: Workload, time: Duration) -> Seen {
        ended(self.wrk(workload, time))
    }

    fn wrk(&self, workload: Workload, time: Duration) -> Child {
        let mut wrk = on_last_core("wrk");
        wrk.args(["--threads", "1", "--connections", CONNECTIONS, "--header", workload.header(), "--duration"])
            .arg(format!("{}s", time.as_secs()))
            .arg("--script")
            .arg(self.folder.join("wrk.lua"))
            .arg(format!("http://{PLACE}/body"));
        wrk.stdout(Stdio::piped()).spawn().expect("wrk is there")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        kill(pid(&self.child), Signal::SIGTERM).ok();
        self.child.wait().ok();
    }
}

impl Seen {
    /// Time under load, in seconds.
    pub fn wall_s(&self) -> f64 {
        self.duration_us as f64 / 1e6
    }

    /// The latencies, spread evenly within wrk's resolution of a microsecond.
    pub fn latency(&self) -> Histogram {
        let mut histogram = Histogram::new();
        for (us, count) in &self.latency_us {
            (0..*count).for_each(|n| histogram.record(us * 1_000 + (2 * n + 1) * 500 / count));
        }
        histogram
    }

    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.wall_s()
    }
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;
         events {{ worker_connections 1024; }}
         http {{
             access_log off; keepalive_requests 1000000000;
             server {{
                 listen {PLACE} backlog=4096; root {folder};
                 location = /served {{ stub_status; }}
             }}
         }}"
    )
}

fn on_last_core(program: &str) -> Command {
    let cores = std::thread::available_parallelism().expect("this process runs on some");
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg((cores.get() - 1).to_string()).arg(program);
    command
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().expect("process ids are small"))
}

/// The last line of wrk's output is the script's.
fn ended(wrk: Child) -> Seen {
    let output = wrk.wait_with_output().expect("it was started");
    let text = String::from_utf8(output.stdout).expect("wrk speaks UTF-8");
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("wrk says `{text}`: {error}"))
}
