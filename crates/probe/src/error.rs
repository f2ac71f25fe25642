use std::io;

/// Why there is no witness.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The kernel says no to this user.
    #[error("this user may not load BPF programs")]
    Forbidden(#[source] libbpf_rs::Error),
    /// The kernel says no to the programs: it is too old, or built without what they need.
    #[error("this kernel does not take `{program}`")]
    Refused {
        /// Which part.
        program: &'static str,
        /// What the kernel says.
        source: libbpf_rs::Error,
    },
    /// There is nothing to attach the programs to.
    #[error("no control groups of version 2 are mounted")]
    NoGroups,
    /// A map or an iterator cannot be read.
    #[error("cannot read what the kernel has counted")]
    Read(#[source] io::Error),
    /// A map cannot be read or written.
    #[error("cannot reach a map of the programs")]
    Map(#[source] libbpf_rs::Error),
}

impl ProbeError {
    /// What became of loading or attaching `program`.
    pub(crate) fn refused(program: &'static str) -> impl FnOnce(libbpf_rs::Error) -> Self {
        move |source| if may_load() { Self::Refused { program, source } } else { Self::Forbidden(source) }
    }
}

/// Whether this process may load and attach programs. The kernel answers EACCES or EPERM both to those who may not and to
/// programs that it does not take.
fn may_load() -> bool {
    // include/uapi/linux/capability.h
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    const CAP_PERFMON: u64 = 1 << 38;
    const CAP_BPF: u64 = 1 << 39;
    let effective = effective_capabilities().unwrap_or(u64::MAX);
    effective & CAP_SYS_ADMIN != 0 || effective & (CAP_BPF | CAP_PERFMON) == CAP_BPF | CAP_PERFMON
}

fn effective_capabilities() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}
