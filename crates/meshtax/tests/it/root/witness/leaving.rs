//! The witness comes and goes under load: nothing of it stays, and nobody notices.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use probe::Probe;

use super::duplex::{Duplex, Sender};
use super::held::{Held, KernelLog};
use super::namespace::Namespace;
use super::traffic::{Moved, V4};
use super::watching::Watching;
use super::{told, truth};
use crate::tool::insist_on_root;

/// Does `act` while a connection moves bytes in both directions all the time and others come and go; all of them are
/// whole, and told to the byte.
fn under_load(name: &str, act: impl FnOnce()) {
    let namespace = Namespace::new(name);
    let log = KernelLog::from_now();
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let listener = namespace.within(|| TcpListener::bind(V4).unwrap());
    let is_over = AtomicBool::new(false);
    let open = || Duplex::to(&listener, |address| namespace.within(|| std::net::TcpStream::connect(address).unwrap()));
    let moved = thread::scope(|scope| {
        let load = scope.spawn(|| {
            let long = open();
            let [client, server] = long.ports();
            let mut moved = vec![Moved { up: 0, down: 0, client, server }];
            while !is_over.load(Ordering::Relaxed) {
                let more = long.exchange(300_000, 200_000, Sender::Write);
                moved[0].up += more.up;
                moved[0].down += more.down;
                let short = open();
                moved.push(short.exchange(10, 20, Sender::Write));
                short.close();
            }
            long.close();
            moved
        });
        act();
        is_over.store(true, Ordering::Relaxed);
        load.join().unwrap()
    });
    assert_eq!(told(&life.lines(2 * moved.len())), truth(&moved));
    log.is_calm();
}

#[test]
fn a_thousand_comings_and_goings_leave_nothing_and_disturb_nobody() {
    insist_on_root();
    under_load("comings", || {
        let process = std::process::id();
        let mut probe = Probe::load().unwrap();
        let mut held = Held::default();
        for _ in 0..1_000 {
            probe.attach().unwrap();
            held = held.and(Held::by(process));
            probe.detach();
        }
        drop(probe);
        for _ in 0..20 {
            let mut probe = Probe::load().unwrap();
            probe.attach().unwrap();
            held = held.and(Held::by(process));
        }
        held.vanishes();
    });
}

#[test]
fn an_agent_that_is_killed_or_ends_under_load_leaves_nothing_and_disturbs_nobody() {
    insist_on_root();
    let ends: [fn(&mut Watching); 2] = [Watching::kill, |agent| drop(agent.end())];
    under_load("killed", || {
        for end in [ends, ends].concat() {
            let mut agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
            super::scrape(&agent.place());
            let held = Held::by(agent.id());
            end(&mut agent);
            held.vanishes();
        }
    });
}
