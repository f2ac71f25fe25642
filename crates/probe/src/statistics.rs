//! Timing of BPF programs: the only call of this room that has no safe wrapper.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// Makes the kernel time the runs of all BPF programs until the descriptor is closed.
///
/// # Errors
///
/// Returns an error if the user lacks CAP_SYS_ADMIN, or if the kernel is older than 5.8.
#[expect(unsafe_code, reason = "libbpf-rs does not wrap BPF_ENABLE_STATS")]
pub(crate) fn enable() -> io::Result<OwnedFd> {
    // SAFETY: the call takes a number and touches no memory of ours.
    let descriptor = unsafe { libbpf_sys::bpf_enable_stats(libbpf_sys::BPF_STATS_RUN_TIME) };
    if descriptor < 0 {
        return Err(io::Error::from_raw_os_error(-descriptor));
    }
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
