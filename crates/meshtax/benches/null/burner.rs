//! A program that keeps one core busy in bursts while its standard input is open.

use std::env;
use std::io;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The argument with which this benchmark burns instead.
pub const ROLE: &str = "burn-in-bursts";
/// How long it burns, and then rests.
const BURST: Duration = Duration::from_millis(1_500);
const REST: Duration = Duration::from_millis(2_500);

/// A child process that burns, ended when dropped.
pub struct Burner(Child);

impl Burner {
    pub fn start() -> Self {
        let own = env::current_exe().expect("a benchmark is a file");
        let child = Command::new(own).arg(ROLE).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        Self(child.expect("this benchmark can be started again"))
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        self.0.kill().expect("a child may be ended");
        self.0.wait().expect("a child that was ended is gone");
    }
}

/// Burns until its parent has gone, so that a killed benchmark leaves nothing behind.
pub fn burn() -> ! {
    thread::spawn(|| {
        drop(io::copy(&mut io::stdin(), &mut io::sink()));
        std::process::exit(0);
    });
    loop {
        let burst = Instant::now();
        while burst.elapsed() < BURST {
            std::hint::spin_loop();
        }
        thread::sleep(REST);
    }
}
