//! The cost of the agent when only a scraper talks to it: CPU time and memory of its processes, including the one that
//! reads conntrack tables.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::group::Group;

const PLACE: &str = "127.0.0.1:9435";
const CONNECTIONS: usize = 500;
const SCRAPES: u32 = 3;
const SCRAPE_EVERY: Duration = Duration::from_secs(15);
const CORE_SHARE_MAX: f64 = 0.001;
const RESIDENT_MIB_MAX: f64 = 25.0;
const PATIENCE: Duration = Duration::from_secs(10);

/// Scrapes the real process as Prometheus would, with a thousand open sockets. Returns the goals that were missed.
pub fn cost() -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let place = listener.local_addr().expect("it is bound");
    let open = || (TcpStream::connect(place).expect("it listens"), listener.accept().expect("one has connected").0);
    let mut held: Vec<(TcpStream, TcpStream)> = (0..CONNECTIONS).map(|_| open()).collect();
    let agent = Agent::start();
    let (began_s, since, mut scraping_s) = (agent.cpu_s(), Instant::now(), 0.0);
    for scrape in 1..=SCRAPES {
        held.iter_mut().for_each(|(client, _)| client.write_all(b"news").expect("it is open"));
        let before_s = agent.cpu_s();
        let text = agent.scrape();
        assert!(text.contains("istio_tcp_sent_bytes_total"), "{text}");
        scraping_s += agent.cpu_s() - before_s;
        std::thread::sleep((SCRAPE_EVERY * scrape).saturating_sub(since.elapsed()));
    }
    let cpu_s = agent.cpu_s() - began_s;
    let share = cpu_s / since.elapsed().as_secs_f64();
    let each_mib = agent.resident_mib();
    assert_eq!(each_mib.len(), 2, "the agent, and the process that asks for translated connections");
    let resident_mib: f64 = each_mib.iter().sum();
    let maps_mib = agent.maps_mib();
    println!(
        "\nagent, {} sockets, {SCRAPES} scrapes, one every {} s: {:.3} % of a core (at most {} %), {:.2} ms a scrape and \
         {:.2} ms a second between them; {resident_mib:.1} MiB resident in two processes (at most {RESIDENT_MIB_MAX}), {maps_mib:.1} MiB of maps in the \
         kernel",
        2 * CONNECTIONS,
        SCRAPE_EVERY.as_secs(),
        share * 100.0,
        CORE_SHARE_MAX * 100.0,
        scraping_s / f64::from(SCRAPES) * 1e3,
        (cpu_s - scraping_s) / since.elapsed().as_secs_f64() * 1e3,
    );
    let missed = [
        (share > CORE_SHARE_MAX).then(|| format!("the agent takes {:.3} % of a core", share * 100.0)),
        (resident_mib > RESIDENT_MIB_MAX).then(|| format!("the agent holds {resident_mib:.1} MiB")),
    ];
    missed.into_iter().flatten().collect()
}

/// `meshtax agent` in a control group that its processes share. It ends when this is dropped.
struct Agent {
    child: Child,
    group: Group,
}

impl Agent {
    fn start() -> Self {
        let group = Group::create("agent");
        let child = group.spawn(Command::new(env!("CARGO_BIN_EXE_meshtax")).args(["agent", "--listen", PLACE]));
        let agent = Self { child, group };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(PLACE).is_err() {
            assert!(Instant::now() < deadline, "the agent does not listen");
            std::thread::sleep(Duration::from_millis(1));
        }
        // It listens before its programs are attached, and answers only then.
        agent.scrape();
        agent
    }

    fn scrape(&self) -> String {
        let mut stream = TcpStream::connect(PLACE).expect("it listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").expect("it is there");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("metrics are text");
        text
    }

    fn cpu_s(&self) -> f64 {
        self.group.meter().cpu().expect("it runs").total_s
    }

    /// Kernel memory of its maps, in MiB.
    fn maps_mib(&self) -> f64 {
        self.group.processes().into_iter().map(maps_mib).fold(0.0, f64::max)
    }

    /// Memory of each of its processes, in MiB. What they share, such as the program, is divided among them.
    fn resident_mib(&self) -> Vec<f64> {
        self.group.processes().into_iter().map(resident_mib).collect()
    }
}

/// Kernel memory of the maps that a process holds, in MiB.
fn maps_mib(process: u32) -> f64 {
    let files = std::fs::read_dir(format!("/proc/{process}/fdinfo")).expect("it runs").flatten();
    let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    let maps = texts.filter(|text| text.contains("map_id:")).filter_map(|text| {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name))?.trim().parse::<u64>().ok();
        Some((field("map_id:")?, field("memlock:")?))
    });
    // Several descriptors may hold the same map.
    let maps: BTreeMap<u64, u64> = maps.collect();
    maps.values().sum::<u64>() as f64 / (1 << 20) as f64
}

fn resident_mib(process: u32) -> f64 {
    let memory = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).expect("it runs");
    let line = memory.lines().find_map(|line| line.strip_prefix("Pss:")).expect("every process has one");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("the kernel writes numbers");
    kib / 1024.0
}

impl Drop for Agent {
    fn drop(&mut self) {
        kill(Pid::from_raw(self.child.id().try_into().expect("process ids are small")), Signal::SIGTERM).ok();
        self.child.wait().ok();
    }
}
