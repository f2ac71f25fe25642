//! What the witness may still do once it is at work: nothing that it does not need.

use std::fmt;

use caps::{CapSet, Capability, CapsHashSet};

/// What became of this process's privileges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privileges {
    /// Capabilities that it keeps, each with the reason.
    pub kept: Vec<(Capability, &'static str)>,
}

/// Why privileges cannot be given up.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// The kernel does not take the new set of capabilities.
    #[error("cannot give up capabilities")]
    Capabilities(#[source] caps::errors::CapsError),
    /// The kernel does not promise that a program that is executed gains nothing.
    #[error("cannot set no_new_privs")]
    NewPrivileges(#[source] nix::Error),
}

/// Gives up every capability of the calling thread, and of those that it starts: descriptors of maps and iterators are
/// all that reading takes. Where `can_read` says that the kernel disagrees, CAP_BPF is kept: before 5.19 it asked for it
/// at each `bpf()` (commit c8644cd0efe7). The user stays: what names sockets may belong to root alone, and so may the
/// files that are read again at SIGHUP.
///
/// # Errors
///
/// The kernel refuses, which it has no reason to.
pub fn give_up_privileges(can_read: impl Fn() -> bool) -> Result<Privileges, PrivilegeError> {
    nix::sys::prctl::set_no_new_privs().map_err(PrivilegeError::NewPrivileges)?;
    close_bounds()?;
    let failed = PrivilegeError::Capabilities;
    let had_bpf = caps::has_cap(None, CapSet::Permitted, Capability::CAP_BPF).map_err(failed)?;
    caps::clear(None, CapSet::Effective).map_err(failed)?;
    let kept = if had_bpf && !can_read() {
        vec![(Capability::CAP_BPF, "this kernel, older than 5.19, asks for it at each reading")]
    } else {
        Vec::new()
    };
    let set: CapsHashSet = kept.iter().map(|(capability, _)| *capability).collect();
    caps::set(None, CapSet::Effective, &set).map_err(failed)?;
    caps::set(None, CapSet::Permitted, &set).map_err(failed)?;
    caps::clear(None, CapSet::Inheritable).map_err(failed)?;
    Ok(Privileges { kept })
}

/// Gives up every capability but CAP_NET_ADMIN, if it is there, of the calling thread, and of the threads and programs that it
/// starts.
///
/// # Errors
///
/// The kernel refuses, which it has no reason to.
pub(crate) fn keep_only_net_admin() -> Result<(), PrivilegeError> {
    nix::sys::prctl::set_no_new_privs().map_err(PrivilegeError::NewPrivileges)?;
    let failed = PrivilegeError::Capabilities;
    let has = caps::has_cap(None, CapSet::Permitted, Capability::CAP_NET_ADMIN).map_err(failed)?;
    let kept: CapsHashSet = has.then_some(Capability::CAP_NET_ADMIN).into_iter().collect();
    // What is out of bounds can be inherited no more unless it is before.
    caps::set(None, CapSet::Inheritable, &kept).map_err(failed)?;
    close_bounds()?;
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Ambient] {
        caps::set(None, set, &kept).map_err(failed)?;
    }
    Ok(())
}

/// Nothing can come back through a program that is executed. Who lacks CAP_SETPCAP cannot close the bounding set, and has
/// `no_new_privs` for that.
fn close_bounds() -> Result<(), PrivilegeError> {
    let failed = PrivilegeError::Capabilities;
    caps::clear(None, CapSet::Ambient).map_err(failed)?;
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).map_err(failed)? {
        caps::clear(None, CapSet::Bounding).map_err(failed)?;
    }
    Ok(())
}

impl fmt::Display for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kept.is_empty() {
            return f.write_str("gave up all capabilities");
        }
        let kept: Vec<String> = self.kept.iter().map(|(capability, why)| format!("{capability} ({why})")).collect();
        write!(f, "gave up all capabilities but {}", kept.join(", "))
    }
}

#[cfg(test)]
mod tests;
