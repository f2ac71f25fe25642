//! Processors that do not sleep.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};

/// Where a latency is asked for that processors have to keep, in microseconds, for as long as the file is open
/// (Documentation/power/pm_qos_interface.rst).
const LATENCY: &str = "/dev/cpu_dma_latency";

/// Keeps all processors awake until it is dropped, and no longer than the process lives.
#[derive(Debug)]
pub struct Awake {
    /// Ends the request as it is closed.
    _request: File,
}

impl Awake {
    /// Asks for no latency at all.
    ///
    /// # Errors
    ///
    /// The kernel has no power management, or the user is not root.
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
