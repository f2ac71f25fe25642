//! How long the kernel witness takes to read ten thousand open sockets. Speed is asserted here and not in the tests, since
//! a shared machine may be slow at any time; run it on a quiet one, as root, with `make bench`.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use probe::Tcp;

const CONNECTIONS: usize = 5_000;
const REPEATS: usize = 51;
const SNAPSHOT_MS_MAX: f64 = 15.0;

fn main() {
    let mut probe = Tcp::load().expect("root may load programs");
    probe.attach().expect("the kernel takes them");
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let place = listener.local_addr().expect("it is bound");
    let open = || (TcpStream::connect(place).expect("it listens"), listener.accept().expect("one has connected").0);
    let held: Vec<(TcpStream, TcpStream)> = (0..CONNECTIONS).map(|_| open()).collect();
    let seen = probe.connections().expect("there is memory").len();
    assert!(seen >= 2 * held.len(), "{seen} sockets are seen");
    hold("snapshot", seen, || probe.connections().expect("there is memory").len());
    hold("counters", seen, || probe.series().expect("there is memory").len());
}

fn hold(what: &str, sockets: usize, read: impl Fn() -> usize) {
    let mut ms: Vec<f64> = (0..REPEATS).map(|_| milliseconds(&read)).collect();
    ms.sort_by(f64::total_cmp);
    let (low, median, high) = (ms[0], ms[REPEATS / 2], ms[REPEATS - 1]);
    println!(
        "{what} of {sockets} sockets: {median:.2} ms [{low:.2}, {high:.2}] n={REPEATS} (at most {SNAPSHOT_MS_MAX} ms)"
    );
    assert!(median <= SNAPSHOT_MS_MAX, "{what} takes {median:.2} ms");
}

fn milliseconds(read: &impl Fn() -> usize) -> f64 {
    let since = Instant::now();
    std::hint::black_box(read());
    since.elapsed().as_secs_f64() * 1e3
}
