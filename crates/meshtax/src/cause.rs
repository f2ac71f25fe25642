//! Finds the cause behind a system error, and says what to do about it. Most error codes have several causes; this
//! process can tell which one applies.

use std::fs;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};

use crate::capability;

/// The words with which tools report an error code when they print no number.
const WORDS: [(&str, Errno); 11] = [
    ("Too many open files in system", Errno::ENFILE),
    ("Too many open files", Errno::EMFILE),
    ("Cannot allocate memory", Errno::ENOMEM),
    ("No space left on device", Errno::ENOSPC),
    ("Operation not permitted", Errno::EPERM),
    ("Permission denied", Errno::EACCES),
    ("Read-only file system", Errno::EROFS),
    ("Resource temporarily unavailable", Errno::EAGAIN),
    ("Operation not supported", Errno::EOPNOTSUPP),
    ("Function not implemented", Errno::ENOSYS),
    ("Invalid argument", Errno::EINVAL),
];

/// Finds the system's error code in an error message with its causes. Libraries add words of their own, and tools print
/// only the words of the code.
pub fn code_of(told: &str) -> Option<Errno> {
    let number = |(_, code): (&str, &str)| code.split_once(')')?.0.parse().ok();
    let numbered = told.rsplit_once("(os error ").and_then(number).map(Errno::from_raw);
    numbered.or_else(|| WORDS.into_iter().find(|(words, _)| told.contains(words)).map(|(_, code)| code))
}

/// Says what to do if a limit of this process or machine was reached, or memory ran out.
pub fn shortage(told: &str) -> Option<String> {
    Some(match code_of(told)? {
        Errno::EMFILE => format!(
            "the limit of open files is reached{}: raise it, as root with `prlimit --nofile=65536:65536 meshtax …`, or in a unit \
             with `LimitNOFILE=65536`",
            open_files_max().map(|most| format!(" (RLIMIT_NOFILE, {most})")).unwrap_or_default()
        ),
        Errno::ENFILE => {
            "the machine's limit of open files is reached: raise it with `sysctl fs.file-max=…`".to_owned()
        }
        Errno::ENOMEM => format!(
            "the kernel is out of memory{}: end what uses it, or raise the limit of this program's control group",
            available_mib().map(|mib| format!(" ({mib} MiB are available)")).unwrap_or_default()
        ),
        Errno::ENOSPC if told.contains("namespace") => {
            "a limit of namespaces is reached: see /proc/sys/user/max_net_namespaces and the files beside it".to_owned()
        }
        Errno::ENOSPC if told.contains("control group") => {
            "the kernel has no room for control groups: `meshtax clean` removes what killed runs left".to_owned()
        }
        _ => return None,
    })
}

/// Says what to do if a step of setting up a lab failed: as for [`shortage`], and also what may forbid it.
pub fn of_lab(told: &str) -> Option<String> {
    shortage(told).or_else(|| match code_of(told)? {
        Errno::EPERM | Errno::EACCES => Some(forbidden(&capability::lacking())),
        Errno::EROFS => Some(
            "it writes to a mount that is read-only, as control groups and /proc/sys are in an unprivileged container: add \
             `--privileged`"
                .to_owned(),
        ),
        Errno::EAGAIN => Some(
            "one more process or thread was refused: raise pids.max of its control group, `ulimit -u`, kernel.pid_max or \
             kernel.threads-max, or choose arms with `--arms`"
                .to_owned(),
        ),
        Errno::ENOSYS | Errno::EOPNOTSUPP => {
            Some(format!("Linux {} does not know this, or was built without it; `meshtax doctor` checks it", release()))
        }
        _ => None,
    })
}

/// Says what forbids an operation, given the capabilities that this process lacks for it.
pub fn forbidden(lacking: &[&str]) -> String {
    match lacking {
        [] if probe::is_in_user_namespace() => {
            "this is root in a user namespace, without privileges on the machine: run it as the machine's root".to_owned()
        }
        [] if is_filtered() => {
            "this process lacks no capability, but a seccomp filter applies to it: in a container, add `--privileged` or \
             `--security-opt seccomp=unconfined`"
                .to_owned()
        }
        [] => "this process lacks no capability: look for a security module (SELinux, AppArmor, kernel lockdown) that forbids it, \
               such as with `dmesg`"
            .to_owned(),
        lacking => format!(
            "this process lacks {}: in a container, add {}",
            lacking.join(", "),
            lacking
                .iter()
                .map(|name| format!("`--cap-add {}`", name.trim_start_matches("CAP_")))
                .collect::<Vec<_>>()
                .join(" ")
        ),
    }
}

/// Whether a seccomp filter applies to this process's system calls.
fn is_filtered() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2"))
}

fn open_files_max() -> Option<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)
}

/// The memory that is still available on this machine, in MiB.
fn available_mib() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? / 1024)
}

fn release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_words_of_libraries_and_of_tools() {
        for (told, code) in [
            ("cannot run `nft`: Too many open files (os error 24)", Some(Errno::EMFILE)),
            ("cannot wire: /proc/sys/x: Permission denied (os error 13)", Some(Errno::EACCES)),
            ("`nft` refused: netlink: Error: cache initialization failed: Operation not permitted", Some(Errno::EPERM)),
            ("`nft` refused: Could not process rule: Too many open files in system", Some(Errno::ENFILE)),
            (
                "`a/b` ended; the end of its log a.log:\npthread_create: Resource temporarily unavailable",
                Some(Errno::EAGAIN),
            ),
            ("there is no program `x`", None),
        ] {
            assert_eq!(code_of(told), code, "{told}");
        }
    }

    /// Each code has advice of its own, which names no other code's cause.
    #[test]
    fn each_code_has_its_own_advice() {
        let advice = |code: Errno, what: &str| of_lab(&format!("cannot {what}: {}", std::io::Error::from(code)));
        for (code, what, word) in [
            (Errno::EMFILE, "open", "RLIMIT_NOFILE"),
            (Errno::ENFILE, "open", "fs.file-max"),
            (Errno::ENOMEM, "open", "MiB are available"),
            (Errno::ENOSPC, "create the network namespace `x`", "max_net_namespaces"),
            (Errno::ENOSPC, "make control groups", "meshtax clean"),
            (Errno::EAGAIN, "start a thread", "pids.max"),
            (Errno::EROFS, "make control groups", "read-only"),
            (Errno::ENOSYS, "wire", "Linux "),
        ] {
            let told = advice(code, what).unwrap_or_default();
            assert!(told.contains(word), "{code}: {told}");
        }
        assert_eq!(advice(Errno::EEXIST, "create"), None);
        // A full disk needs no advice: its own message says enough.
        assert_eq!(advice(Errno::ENOSPC, "write x"), None);
    }

    #[test]
    fn capabilities_that_are_lacking_are_named() {
        assert_eq!(
            forbidden(&["CAP_NET_ADMIN", "CAP_CHOWN"]),
            "this process lacks CAP_NET_ADMIN, CAP_CHOWN: in a container, add `--cap-add NET_ADMIN` `--cap-add CHOWN`"
        );
        assert!(!forbidden(&[]).contains("lacks CAP"));
    }
}
