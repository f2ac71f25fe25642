//! The processes beside the agent that read tables of translated connections: what they may do, and what happens when
//! one is killed or stopped.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testbed::{Watching, insist_on_being_alone, insist_on_root, sample, scrape};

use crate::nat::{ANSWER, ASK, AtWork, children, told, translating};

const CAP_NET_ADMIN: u64 = 1 << 12;

/// How long something may take that is certain to happen.
const PATIENCE: Duration = Duration::from_secs(180);

/// An agent with the processes beside it, known by the address of its endpoint.
struct Agent {
    agent: Watching,
    answers: PathBuf,
}

impl Agent {
    fn begin() -> Self {
        let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
        let answers = fs::read_link(format!("/proc/{}/fd/1", children(agent.id())[0])).unwrap();
        Self { agent, answers }
    }

    /// Process ids of the keeper and the reader. There is only one while the other starts.
    fn beside(&self) -> Vec<u32> {
        let processes =
            fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_beside = |id: &u32| {
            *id != self.agent.id()
                && fs::read_link(format!("/proc/{id}/fd/1")).is_ok_and(|answers| answers == self.answers)
        };
        processes.filter(is_beside).collect()
    }

    /// Process ids of the keeper and of its child, the reader.
    fn pair(&self) -> [u32; 2] {
        let reader = |keeper: &u32| children(*keeper).first().copied();
        until(|| self.beside().into_iter().find_map(|keeper| Some([keeper, reader(&keeper)?])))
    }

    fn metrics(&self) -> String {
        scrape(&self.agent.place())
    }

    fn unread(&self) -> u64 {
        sample(&self.metrics(), "meshtax_agent_translations_missed_total", &["reason=\"unread\""])
    }
}

/// Waits for something that is certain to happen.
fn until<T>(mut happens: impl FnMut() -> Option<T>) -> T {
    let hanging = Instant::now() + PATIENCE;
    loop {
        if let Some(told) = happens() {
            return told;
        }
        assert!(Instant::now() < hanging, "it never happens");
        thread::yield_now();
    }
}

fn send(signal: Signal, id: u32) {
    kill(Pid::from_raw(id.try_into().unwrap()), signal).unwrap();
}

#[test]
fn the_processes_beside_the_agent_may_do_nothing_else() {
    insist_on_root();
    let agent = Agent::begin();
    let said = &agent.agent.said;
    assert!(said.contains("two helper processes keep CAP_NET_ADMIN"), "{said}");
    for id in agent.pair() {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
        for set in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
            assert_eq!(u64::from_str_radix(value(set), 16), Ok(CAP_NET_ADMIN), "{set} in {status}");
        }
        assert_eq!(u64::from_str_radix(value("CapBnd:"), 16), Ok(0), "{status}");
        assert_eq!(value("NoNewPrivs:"), "1", "{status}");
        assert_eq!(value("Name:"), "meshtax", "{status}");
    }
}

#[test]
fn who_is_killed_or_stopped_is_followed_by_another_that_tells_names_again() {
    insist_on_being_alone();
    let [here, there] = translating("follow");
    let _server = AtWork::begin(&mut there.command(&["python3", "-c", ANSWER]));
    let agent = Agent::begin();
    let mut clients = Vec::new();
    let victims: [(usize, Signal); 4] =
        [(1, Signal::SIGKILL), (1, Signal::SIGSTOP), (0, Signal::SIGKILL), (1, Signal::SIGKILL)];
    for (number, (place, signal)) in victims.into_iter().enumerate() {
        // The earlier reader has not reported this connection.
        let address = format!("10.96.0.{}", 100 + number);
        let mut ask = || clients.push(AtWork::begin(&mut here.command(&["python3", "-c", ASK, &address, "80"])));
        ask();
        let victim = agent.pair()[place];
        send(signal, victim);
        until(|| agent.beside().iter().all(|id| *id != victim).then_some(()));
        let names = [here.name(), there.name()];
        // A connection that is seen before its names has none. With many namespaces the names come one scrape later.
        until(|| {
            ask();
            (told(&agent.metrics(), names, &format!("{address}:80"))[0] > 0).then_some(())
        });
    }
}

#[test]
fn nobody_waits_for_who_is_stopped_or_gone() {
    insist_on_root();
    for signal in [None, Some(Signal::SIGKILL)] {
        let mut agent = Agent::begin();
        let before = agent.unread();
        // No process is left that could start another.
        let pair = agent.pair();
        for signal in [Some(Signal::SIGSTOP), signal].into_iter().flatten() {
            pair.into_iter().for_each(|id| send(signal, id));
        }
        assert!(agent.unread() > before, "{signal:?}");
        assert!(agent.metrics().contains("istio_tcp_connections_opened_total"), "{signal:?}");
        agent.agent.end();
        until(|| agent.beside().is_empty().then_some(()));
    }
}

#[test]
fn nobody_stays_when_the_agent_is_killed() {
    insist_on_root();
    let stopped: [&[usize]; 4] = [&[], &[0], &[1], &[0, 1]];
    for places in stopped {
        let mut agent = Agent::begin();
        let pair = agent.pair();
        places.iter().for_each(|place| send(Signal::SIGSTOP, pair[*place]));
        agent.agent.kill();
        until(|| agent.beside().is_empty().then_some(()));
    }
}
