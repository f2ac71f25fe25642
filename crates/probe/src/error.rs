use std::error::Error;
use std::{io, iter};

use nix::errno::Errno;

/// An error while loading, attaching or reading BPF programs.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// This user may not load BPF programs.
    #[error("this user may not load BPF programs")]
    Forbidden(#[source] libbpf_rs::Error),
    /// The kernel refuses the programs: it is too old, or built without what they need.
    #[error("this kernel refuses `{program}`")]
    Refused {
        /// The program, or the object that holds it.
        program: &'static str,
        /// The kernel's error.
        source: libbpf_rs::Error,
    },
    /// The kernel accepts the programs, but a limit or its memory leaves no room for them.
    #[error("there is no room for `{program}`")]
    NoRoom {
        /// The program, or the object that holds it.
        program: &'static str,
        /// The kernel's error.
        source: libbpf_rs::Error,
    },
    /// Cgroup v2 is not mounted, so there is nothing to attach the programs to.
    #[error("cgroup v2 is not mounted")]
    NoGroups,
    /// The root of cgroup v2 cannot be opened.
    #[error("cannot open the root control group")]
    Groups(#[source] io::Error),
    /// A map or an iterator cannot be read.
    #[error("cannot read the kernel's counters")]
    Read(#[source] io::Error),
    /// A map cannot be read or written.
    #[error("cannot access a BPF map")]
    Map(#[source] libbpf_rs::Error),
}

impl ProbeError {
    /// Classifies an error of loading or attaching `program`.
    pub(crate) fn refused(program: &'static str) -> impl FnOnce(libbpf_rs::Error) -> Self {
        move |source| match code_of(&source) {
            Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOSPC) => Self::NoRoom { program, source },
            // Root of a user namespace has every capability there, but none that counts for BPF.
            Some(Errno::EPERM) if !lacking().is_empty() || is_in_user_namespace() => Self::Forbidden(source),
            Some(Errno::EACCES) if !lacking().is_empty() => Self::Forbidden(source),
            _ => Self::Refused { program, source },
        }
    }
}

/// Formats an error with its causes on one line.
pub(crate) fn told(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

/// Finds the system's error code in an error's text. libbpf-rs reports only a kind, and none for most codes.
fn code_of(error: &libbpf_rs::Error) -> Option<Errno> {
    let told = format!("{error:#}");
    let (_, code) = told.rsplit_once("(os error ")?;
    code.split_once(')')?.0.parse().ok().map(Errno::from_raw)
}

/// Returns the capabilities that loading and attaching programs needs and this process lacks. CAP_SYS_ADMIN implies
/// them all.
pub fn lacking() -> Vec<&'static str> {
    // include/uapi/linux/capability.h
    const SYS_ADMIN: u32 = 21;
    const WANTED: [(u32, &str); 3] = [(39, "CAP_BPF"), (38, "CAP_PERFMON"), (12, "CAP_NET_ADMIN")];
    let effective = effective_capabilities().unwrap_or(u64::MAX);
    let has = |bit: u32| effective >> bit & 1 == 1;
    WANTED.into_iter().filter(|(bit, _)| !has(SYS_ADMIN) && !has(*bit)).map(|(_, name)| name).collect()
}

fn effective_capabilities() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// Returns whether this process is in a user namespace other than the initial one, which maps every user to itself.
pub fn is_in_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let numbers: Vec<&str> = map.split_whitespace().collect();
    !numbers.is_empty() && numbers != ["0", "0", "4294967295"]
}

#[cfg(test)]
mod tests {
    use std::io;

    use libbpf_rs::ErrorExt;

    use super::*;

    #[test]
    fn codes_are_found_below_what_was_tried() {
        let bare = || libbpf_rs::Error::from(io::Error::from(Errno::EMFILE));
        assert_eq!(code_of(&bare()), Some(Errno::EMFILE));
        assert_eq!(code_of(&bare().context("failed to attach")), Some(Errno::EMFILE));
        assert_eq!(code_of(&io::Error::other("odd").into()), None);
    }

    #[test]
    fn what_leaves_no_room_is_no_matter_of_the_kernel() {
        for code in [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::ENOSPC] {
            let error = ProbeError::refused("tcp")(io::Error::from(code).into());
            assert!(matches!(error, ProbeError::NoRoom { .. }), "{code}: {error:?}");
        }
        for code in [Errno::EINVAL, Errno::ENOSYS, Errno::ESRCH, Errno::E2BIG] {
            let error = ProbeError::refused("tcp")(io::Error::from(code).into());
            assert!(matches!(error, ProbeError::Refused { .. }), "{code}: {error:?}");
        }
    }
}
