//! Keeps processors from sleeping during a run.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};

/// The kernel's file for a latency limit. While it is open, processors keep the latency written to it, in microseconds
/// (Documentation/power/pm_qos_interface.rst).
const LATENCY: &str = "/dev/cpu_dma_latency";

/// Keeps all processors awake until it is dropped, or until the process ends.
#[derive(Debug)]
pub struct Awake {
    /// The open file; closing it ends the request.
    _request: File,
}

impl Awake {
    /// Asks the kernel for a wake-up latency of 0 µs.
    ///
    /// # Errors
    ///
    /// Returns an error if the kernel has no power management, or if the user is not root.
    pub fn hold() -> io::Result<Self> {
        let mut request = OpenOptions::new().write(true).open(LATENCY)?;
        request.write_all(&0i32.to_ne_bytes())?;
        Ok(Self { _request: request })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn asked_us() -> i32 {
        let mut latency = [0; size_of::<i32>()];
        File::open(LATENCY).unwrap().read_exact(&mut latency).unwrap();
        i32::from_ne_bytes(latency)
    }

    #[test]
    fn no_latency_is_asked_for_until_it_is_dropped() {
        let before_us = asked_us();
        let awake = Awake::hold().unwrap();
        assert_eq!(asked_us(), 0);
        drop(awake);
        assert_eq!(asked_us(), before_us);
    }
}
