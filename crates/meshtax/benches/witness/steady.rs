//! How much more a request costs while it is watched. nginx is under constant load, in blocks so short that other
//! activity on the machine affects all arms alike.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::slice;

use meter::{Machine, Snapshot};

use crate::Trial;
use crate::nginx::{Nginx, PLACE, Workload};
use crate::pairs::{self, BLOCK, SETTLING, paired};

/// Puts nginx under each monitor in turn. Returns the goals that were missed.
pub fn cost(nginx: &Nginx, workload: Workload, trial: &Trial<'_>, goal: f64) -> Vec<String> {
    let machine = Machine::open(Path::new("/")).expect("there is /proc");
    let mut pairs = Vec::new();
    nginx.under_load(workload, || pairs = paired(trial, || block(nginx, &machine)));
    pairs::head(&pairs);
    let mut missed =
        pairs::print(&pairs, "nginx's CPU per request", Some(goal), |block| (block.requests, block.nginx_s));
    let by_machine = |block: &Block| (block.requests, block.machine_s);
    missed.extend(pairs::print(&pairs, "machine's CPU per request", Some(goal), by_machine));
    missed
}

/// A short block, with its requests and CPU times.
struct Block {
    requests: u64,
    nginx_s: f64,
    machine_s: f64,
}

fn block(nginx: &Nginx, machine: &Machine) -> Block {
    std::thread::sleep(SETTLING);
    let take = || Snapshot::take(slice::from_ref(nginx.group.meter()), &[], machine).expect("nginx runs");
    let (before, first) = (take(), served());
    std::thread::sleep(BLOCK);
    let (used, last) = (before.until(&take()), served());
    Block { requests: last - first, nginx_s: used.containers[0].cpu_s, machine_s: used.machine.busy_s }
}

/// Requests that nginx has answered so far, by its own count.
fn served() -> u64 {
    let mut stream = TcpStream::connect(PLACE).expect("it listens");
    stream.write_all(b"GET /served HTTP/1.0\r\n\r\n").expect("it is open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("nginx answers");
    // accepts handled requests
    let line = answer.lines().skip_while(|line| !line.starts_with("server accepts")).nth(1);
    let requests = line.and_then(|line| line.split_whitespace().nth(2)?.parse().ok());
    requests.unwrap_or_else(|| panic!("nginx counts its requests: {answer}"))
}
