//! Names of the reasons for which packets are dropped, from the running kernel. Their numbers differ between kernels.

use std::collections::HashMap;

use libbpf_rs::btf::{Btf, types};

/// The kernel's enum of reasons.
const REASONS: &str = "skb_drop_reason";

/// The kernel's enum of subsystems that have reasons of their own.
const PARTS: &str = "skb_drop_reason_subsys";

/// Shift of the subsystem's number within a reason (`SKB_DROP_REASON_SUBSYS_SHIFT`).
const PART_SHIFT: u32 = 16;

/// Number that the programs use on kernels without reasons.
const NO_REASON: u32 = u32::MAX;

/// Harmless reasons: the kernel only says that it frees the packet, the socket was closed with packets in its queues,
/// or the data had already arrived.
const BENIGN: [&str; 5] = ["NOT_SPECIFIED", "QUEUE_PURGE", "SOCKET_CLOSE", "TCP_OLD_DATA", OLD_SEQUENCE];

/// Reason for data that had already arrived, and for keep-alive probes.
const OLD_SEQUENCE: &str = "TCP_OLD_SEQUENCE";

/// Reason that kernels before 6.6 also use for data that had already arrived.
const INVALID_SEQUENCE: &str = "TCP_INVALID_SEQUENCE";

/// Names of reasons and subsystems, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reasons {
    names: HashMap<u32, String>,
    parts: HashMap<u32, String>,
}

impl Reasons {
    /// Reads the reasons from a kernel's BTF. Kernels before 5.17 have none.
    pub(crate) fn of(kernel: &Btf) -> Self {
        let mut reasons = Self::default();
        for found in kernel.type_by_kind::<types::Enum>() {
            let Some(name) = found.name().and_then(|name| name.to_str()) else { continue };
            let members = found.iter().filter_map(|member| Some((member.value as u32, member.name?.to_str()?)));
            match name {
                REASONS => reasons.names.extend(members.map(|(number, name)| (number, short(name, "")))),
                PARTS => reasons.parts.extend(members.map(|(number, name)| (number, short(name, "SUBSYS_")))),
                _ if name.contains("drop_reason") => {
                    let own = members.filter(|(number, _)| number >> PART_SHIFT != 0);
                    reasons.names.extend(own.map(|(number, name)| (number, name.to_owned())));
                }
                _ => {}
            }
        }
        reasons
    }

    /// Returns the name of a reason, such as `NO_SOCKET`. A module's reason that the kernel's BTF does not name gets
    /// the subsystem's name and a number, such as `OPENVSWITCH_3`.
    pub(crate) fn name(&self, number: u32) -> String {
        let unnamed = || {
            let (part, own) = (number >> PART_SHIFT, number & ((1 << PART_SHIFT) - 1));
            self.parts.get(&part).filter(|_| part > 0).map(|part| format!("{part}_{own}"))
        };
        match number {
            NO_REASON => "UNKNOWN".to_owned(),
            _ => self.names.get(&number).cloned().or_else(unnamed).unwrap_or_else(|| number.to_string()),
        }
    }

    /// Returns whether nothing is lost when packets are dropped for this reason.
    pub(crate) fn is_benign(&self, name: &str) -> bool {
        let tells_old = || self.names.values().any(|known| known == OLD_SEQUENCE);
        BENIGN.contains(&name) || (name == INVALID_SEQUENCE && !tells_old())
    }

    /// Returns the numbers of the harmless reasons.
    pub(crate) fn benign(&self) -> impl Iterator<Item = u32> {
        self.names.iter().filter(|(_, name)| self.is_benign(name)).map(|(number, _)| *number)
    }
}

/// Removes the prefix that all names share.
fn short(name: &str, part: &str) -> String {
    let name = name.strip_prefix("SKB_DROP_REASON_").or_else(|| name.strip_prefix("SKB_")).unwrap_or(name);
    name.strip_prefix(part).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_the_running_kernels() {
        let reasons = Reasons::of(&Btf::from_vmlinux().unwrap());
        let benign: Vec<String> = reasons.benign().map(|number| reasons.name(number)).collect();
        assert!(benign.iter().any(|name| name == "NOT_SPECIFIED"), "{benign:?}");
        assert!(reasons.names.values().any(|name| name == "NO_SOCKET"));
        assert_eq!(reasons.name(NO_REASON), "UNKNOWN");
    }

    #[test]
    fn kernels_with_one_name_for_data_that_is_old_or_wrong_do_not_complain_of_it() {
        let with = |names: &[&str]| Reasons {
            names: names.iter().zip(3..).map(|(name, number)| (number, (*name).to_owned())).collect(),
            ..Reasons::default()
        };
        assert!(with(&[INVALID_SEQUENCE]).is_benign(INVALID_SEQUENCE));
        assert!(!with(&[INVALID_SEQUENCE, OLD_SEQUENCE]).is_benign(INVALID_SEQUENCE));
    }

    #[test]
    fn what_has_no_name_has_its_parts_or_none() {
        let reasons = Reasons { parts: HashMap::from([(2, "OPENVSWITCH".to_owned())]), ..Reasons::default() };
        assert_eq!(reasons.name(2 << 16 | 3), "OPENVSWITCH_3");
        assert_eq!(reasons.name(9 << 16), "589824");
        assert_eq!(reasons.name(7), "7");
    }
}
