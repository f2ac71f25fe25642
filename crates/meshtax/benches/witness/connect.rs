//! What a connection costs more while it is watched, to a per cent and less: one thread opens connections to itself, uses
//! each once and closes it. Programs that do nothing show how much of that is the kernel's way to them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use measure::{Histogram, Metric, Options};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::monitor::Arm;
use crate::table::{self, MARGIN, Row};
use crate::tcptop::Tcptop;
use crate::{Amounts, SEED, observed};

const ARMS: [Arm; 6] = [Arm::None, Arm::Empty, Arm::Witness, Arm::Agent, Arm::Tcptop, Arm::Null];
/// Blocks are short, so there are more of them than of nginx's.
const ROUNDS_TO_EACH: u32 = 4;
const BLOCK: Duration = Duration::from_millis(100);
const SETTLING: Duration = Duration::from_millis(20);
const REQUEST: [u8; 100] = [b'r'; 100];
const ANSWER: [u8; 1024] = [b'a'; 1024];

/// Opens and closes connections under each monitor in turn, on the last core, which has nothing else to do: so the time on
/// the clock is the processor's.
pub fn cost(tcptop: &Tcptop, rounds: u32) {
    std::thread::scope(|scope| scope.spawn(|| on_last_core(tcptop, ROUNDS_TO_EACH * rounds)).join())
        .expect("the thread has no reason to fail");
}

fn on_last_core(tcptop: &Tcptop, rounds: u32) {
    let cores = std::thread::available_parallelism().expect("this process runs on some");
    let mut last = CpuSet::new();
    last.set(cores.get() - 1).expect("its number is small");
    sched_setaffinity(Pid::from_raw(0), &last).expect("it is there");
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let mut chance = ChaCha8Rng::seed_from_u64(SEED);
    let (mut order, mut blocks) = (ARMS, Vec::new());
    for round in 0..rounds {
        order.shuffle(&mut chance);
        blocks.extend(order.map(|arm| block(&listener, arm, round, tcptop)));
    }
    let alone = || blocks.iter().filter(|block| block.arm == Arm::None);
    let us = alone().map(|block| block.cpu_s / block.requests as f64).sum::<f64>() / f64::from(rounds) * 1e6;
    println!(
        "\na thread that opens, uses and closes connections: {us:.1} us each without a monitor, both ends together"
    );
    println!("{rounds} rounds, each with a block of {} ms of every arm, 95 % intervals", BLOCK.as_millis());
    let measured = measure::measure(&observed(&ARMS, blocks), &Options { margin: MARGIN });
    table::print(&measured, &[Row { metric: Metric::CpuMsPerRequest, name: "time per connection", goal: None }]);
}

fn block(listener: &TcpListener, arm: Arm, round: u32, tcptop: &Tcptop) -> Amounts {
    let monitor = arm.attach(tcptop);
    connect_for(listener, SETTLING);
    let (connections, wall_s) = connect_for(listener, BLOCK);
    drop(monitor);
    Amounts { arm, round, requests: connections, latency: Histogram::new(), cpu_s: wall_s }
}

/// How many connections, in how many seconds.
fn connect_for(listener: &TcpListener, time: Duration) -> (u64, f64) {
    let place = listener.local_addr().expect("it is bound");
    let (since, mut connections) = (Instant::now(), 0);
    while since.elapsed() < time {
        connect(listener, place);
        connections += 1;
    }
    (connections, since.elapsed().as_secs_f64())
}

/// As a server does that answers one request on each connection.
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
