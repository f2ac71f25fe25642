use std::error::Error;
use std::{io, iter};

use nix::errno::Errno;

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
    /// The kernel takes the programs, but a limit or its memory leaves no room for them.
    #[error("there is no room for `{program}`")]
    NoRoom {
        /// Which part.
        program: &'static str,
        /// What the kernel says.
        source: libbpf_rs::Error,
    },
    /// There is nothing to attach the programs to.
    #[error("no control groups of version 2 are mounted")]
    NoGroups,
    /// What the programs would be attached to cannot be opened.
    #[error("cannot open the root of the control groups")]
    Groups(#[source] io::Error),
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
        move |source| match code_of(&source) {
            Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOSPC) => Self::NoRoom { program, source },
            // Whoever is root of a user namespace has every capability, and none that counts here.
            Some(Errno::EPERM) if !lacking().is_empty() || is_in_user_namespace() => Self::Forbidden(source),
            Some(Errno::EACCES) if !lacking().is_empty() => Self::Forbidden(source),
            _ => Self::Refused { program, source },
        }
    }
}

/// An error on one line with its causes.
pub(crate) fn told(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

/// The system's code in the words of an error: libbpf-rs tells only what kind it is of, and has none for most codes.
fn code_of(error: &libbpf_rs::Error) -> Option<Errno> {
    let told = format!("{error:#}");
    let (_, code) = told.rsplit_once("(os error ")?;
    code.split_once(')')?.0.parse().ok().map(Errno::from_raw)
}

/// Capabilities that loading and attaching programs takes and this process lacks. CAP_SYS_ADMIN stands for all of them.
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

/// Whether this process is in a user namespace other than the machine's own, in which all users are themselves.
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
