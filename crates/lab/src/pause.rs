use std::io::{self, BufRead};

use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::wait::{WaitPidFlag, waitpid};

use crate::order::await_end;

/// Holds a pod's namespaces as its process 1, and buries its dead, until `orders` ends (after the order `keep`: for
/// ever). Once the caller then ends, the kernel ends every other process of the pod.
pub fn hold(orders: impl BufRead) -> io::Result<()> {
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&children), None)?;
    std::thread::spawn(move || {
        // Both fail only where there is nothing to wait for.
        while children.wait().is_ok() {
            while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
        }
    });
    await_end(orders);
    Ok(())
}
