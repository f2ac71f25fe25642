//! How much more a connection costs while it is watched, to one percent or better: one thread opens connections to
//! itself, uses each once and closes it. Programs that do nothing show how much of that is the kernel's call itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::Trial;
use crate::pairs::{self, BLOCK, SETTLING, paired};

const REQUEST: [u8; 100] = [b'r'; 100];
const ANSWER: [u8; 1024] = [b'a'; 1024];

/// Opens and closes connections under each monitor in turn, on the last core, which does nothing else. Wall time is
/// then CPU time.
pub fn cost(trial: &Trial<'_>) {
    std::thread::scope(|scope| scope.spawn(|| on_last_core(trial)).join()).expect("the thread has no reason to fail");
}

fn on_last_core(trial: &Trial<'_>) {
    let cores = std::thread::available_parallelism().expect("this process runs on some");
    let mut last = CpuSet::new();
    last.set(cores.get() - 1).expect("its number is small");
    sched_setaffinity(Pid::from_raw(0), &last).expect("it is there");
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let pairs = paired(trial, || {
        connect_for(&listener, SETTLING);
        connect_for(&listener, BLOCK)
    });
    let (connections, wall_s) =
        pairs.iter().fold((0, 0.0), |(connections, wall_s), pair| (connections + pair.alone.0, wall_s + pair.alone.1));
    let us = wall_s / connections as f64 * 1e6;
    println!(
        "\na thread that opens, uses and closes connections: {us:.1} us each without a monitor, both ends together"
    );
    pairs::head(&pairs);
    pairs::print(&pairs, "time per connection", None, |block| *block);
}

/// Opens connections for a time. Returns their number, and the seconds that they took.
fn connect_for(listener: &TcpListener, time: Duration) -> (u64, f64) {
    let place = listener.local_addr().expect("it is bound");
    let (since, mut connections) = (Instant::now(), 0);
    while since.elapsed() < time {
        connect(listener, place);
        connections += 1;
    }
    (connections, since.elapsed().as_secs_f64())
}

/// Uses one connection as a server does that answers a single request on it.
fn connect(listener: &TcpListener, place: SocketAddr) {
    let mut buffer = [0; 2 * ANSWER.len()];
    let mut client = TcpStream::connect(place).expect("it listens");
    let (mut server, _) = listener.accept().expect("one has connected");
    client.write_all(&REQUEST).expect("it is open");
    server.read_exact(&mut buffer[..REQUEST.len()]).expect("it was sent");
    server.write_all(&ANSWER).expect("it is open");
    drop(server);
    while client.read(&mut buffer).expect("it was sent") > 0 {}
}
