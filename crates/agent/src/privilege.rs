//! Privileges: once a witness is running, its process gives up everything that it does not need.

use std::fmt;

use caps::{CapSet, Capability, CapsHashSet};

/// The privileges that this process still has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privileges {
    /// Capabilities that the process keeps, each with the reason.
    pub kept: Vec<(Capability, &'static str)>,
}

/// An error while giving up privileges.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// The kernel refuses the new set of capabilities.
    #[error("cannot give up capabilities")]
    Capabilities(#[source] caps::errors::CapsError),
    /// The kernel refuses `no_new_privs`, which keeps programs that are executed from gaining privileges.
    #[error("cannot set no_new_privs")]
    NewPrivileges(#[source] nix::Error),
}

/// Gives up every capability of the calling thread and of threads that it starts later. Reading needs only open maps
/// and iterators.
///
/// If `can_read` fails without capabilities, CAP_BPF is kept: kernels before 5.19 require it for every `bpf()` call
/// (commit c8644cd0efe7). The user stays the same, because only root may be able to read namespaces and the files that
/// SIGHUP reads again.
///
/// # Errors
///
/// Returns an error if the kernel refuses, which it has no reason to.
pub fn give_up_privileges(can_read: impl Fn() -> bool) -> Result<Privileges, PrivilegeError> {
    nix::sys::prctl::set_no_new_privs().map_err(PrivilegeError::NewPrivileges)?;
    close_bounds()?;
    let failed = PrivilegeError::Capabilities;
    let had_bpf = caps::has_cap(None, CapSet::Permitted, Capability::CAP_BPF).map_err(failed)?;
    caps::clear(None, CapSet::Effective).map_err(failed)?;
    let kept = if had_bpf && !can_read() {
        vec![(Capability::CAP_BPF, "kernels before 5.19 require it for each reading")]
    } else {
        Vec::new()
    };
    let set: CapsHashSet = kept.iter().map(|(capability, _)| *capability).collect();
    caps::set(None, CapSet::Effective, &set).map_err(failed)?;
    caps::set(None, CapSet::Permitted, &set).map_err(failed)?;
    caps::clear(None, CapSet::Inheritable).map_err(failed)?;
    Ok(Privileges { kept })
}

/// Gives up every capability except CAP_NET_ADMIN, which is kept if it is there. This holds for the calling thread and
/// for threads and programs that it starts later.
///
/// # Errors
///
/// Returns an error if the kernel refuses, which it has no reason to.
pub(crate) fn keep_only_net_admin() -> Result<(), PrivilegeError> {
    nix::sys::prctl::set_no_new_privs().map_err(PrivilegeError::NewPrivileges)?;
    let failed = PrivilegeError::Capabilities;
    let has = caps::has_cap(None, CapSet::Permitted, Capability::CAP_NET_ADMIN).map_err(failed)?;
    let kept: CapsHashSet = has.then_some(Capability::CAP_NET_ADMIN).into_iter().collect();
    // Set this first: a capability outside the bounding set cannot be made inheritable later.
    caps::set(None, CapSet::Inheritable, &kept).map_err(failed)?;
    close_bounds()?;
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Ambient] {
        caps::set(None, set, &kept).map_err(failed)?;
    }
    Ok(())
}

/// Keeps programs that are executed from regaining capabilities. Without CAP_SETPCAP the bounding set cannot be
/// cleared, and `no_new_privs` does the same.
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
        write!(f, "gave up all capabilities except {}", kept.join(", "))
    }
}

#[cfg(test)]
mod tests;
