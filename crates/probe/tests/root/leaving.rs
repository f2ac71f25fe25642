//! The witness is loaded and unloaded under load. Nothing of it stays, and no connection is affected.

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use probe::Tcp;
use serde_json::Value;

use super::duplex::{Duplex, Sender};
use super::held::{Held, KernelLog};
use testbed::{Moved, Namespace, V4, Watching, insist_on_being_alone, scrape, told, truth};

/// Does `act` while one connection moves bytes in both directions and others come and go. Checks that all of them are
/// complete and reported to the byte.
fn under_load(name: &str, act: impl FnOnce()) {
    let namespace = Namespace::new(name);
    let mut log = KernelLog::from_now();
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let is_over = AtomicBool::new(false);
    let ends_to_come = AtomicUsize::new(usize::MAX);
    let (moved, lines) = thread::scope(|scope| {
        let load = scope.spawn(|| load(&namespace, &is_over, &ends_to_come));
        let reader = scope.spawn(|| life.until(|lines| lines.len() >= ends_to_come.load(Ordering::SeqCst)));
        let over = Over(&is_over);
        act();
        drop(over);
        (load.join().unwrap(), reader.join().unwrap())
    });
    let bytes = |line: &Value| (line["bytes_sent"].as_u64().unwrap(), line["bytes_received"].as_u64().unwrap());
    let (short, long): (Vec<Value>, Vec<Value>) =
        lines.into_iter().partition(|line| [(10, 20), (20, 10)].contains(&bytes(line)));
    assert_eq!(told(&long), truth(&[moved]));
    assert_eq!(short.len() + 2, ends_to_come.into_inner());
    assert_eq!(life.end(), Vec::<Value>::new());
    log.stays_calm();
}

/// Makes connections until the load is over. Returns what the long connection has moved. The number of ends is known
/// before that connection ends.
fn load(namespace: &Namespace, is_over: &AtomicBool, ends: &AtomicUsize) -> Moved {
    let listener = namespace.within(|| TcpListener::bind(V4).unwrap());
    let open = || Duplex::to(&listener, |address| namespace.within(|| TcpStream::connect(address).unwrap()));
    let long = open();
    let [client, server] = long.ports();
    let mut moved = Moved { up: 0, down: 0, client, server };
    let mut connections = 1;
    while !is_over.load(Ordering::Relaxed) {
        let more = long.exchange(300_000, 200_000, Sender::Write);
        moved = Moved { up: moved.up + more.up, down: moved.down + more.down, ..moved };
        let short = open();
        short.exchange(10, 20, Sender::Write);
        short.close();
        connections += 1;
    }
    ends.store(2 * connections, Ordering::SeqCst);
    long.close();
    moved
}

/// Ends the load when dropped, also after a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_thousand_comings_and_goings_leave_nothing_and_disturb_nobody() {
    insist_on_being_alone();
    under_load("comings", || {
        let process = std::process::id();
        let mut probe = Tcp::load().unwrap();
        let mut held = Held::default();
        for _ in 0..1_000 {
            probe.attach().unwrap();
            held = held.and(Held::by(process));
            probe.detach();
        }
        drop(probe);
        for _ in 0..20 {
            let mut probe = Tcp::load().unwrap();
            probe.attach().unwrap();
            held = held.and(Held::by(process));
        }
        held.vanishes();
    });
}

#[test]
fn an_agent_that_is_killed_or_ends_under_load_leaves_nothing_and_disturbs_nobody() {
    insist_on_being_alone();
    let ends: [fn(&mut Watching); 2] = [Watching::kill, |agent| drop(agent.end())];
    under_load("killed", || {
        for end in [ends, ends].concat() {
            let mut agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
            scrape(&agent.place());
            let held = Held::by(agent.id());
            end(&mut agent);
            held.vanishes();
        }
    });
}
