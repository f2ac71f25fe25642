use super::{Gap, Probe, REQUIRED, open_fitting};
use crate::error::ProbeError;

/// A probe that tells what happens and counts nothing, for kernels that are too old for more.
pub type Events = Probe<()>;

/// Its programs, compiled.
const EVENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/event.bpf.o"));

const NO_ID: &str = "before Linux 5.12 no program learns a socket's id, nor before 5.13 looks at all of them";

/// Maps that they do without.
const UNUSED: [&str; 2] = ["stories", "series"];

const UNKNOWN: &str =
    "bytes, control groups and ids of sockets, and who owns those that were accepted or opened before";

impl Events {
    /// Loads the programs and attaches them: Linux 5.8 and newer, with BTF.
    ///
    /// # Errors
    ///
    /// The user lacks CAP_BPF and CAP_PERFMON, or the kernel is older still.
    pub fn begin() -> Result<Self, ProbeError> {
        let mut open = open_fitting(EVENT).map_err(ProbeError::refused("event"))?;
        for mut map in open.maps_mut().filter(|map| UNUSED.iter().any(|name| map.name() == *name)) {
            map.set_autocreate(false).map_err(ProbeError::Map)?;
        }
        let object = open.load().map_err(ProbeError::refused("event"))?;
        let mut events = Self { object, attached: Vec::new(), gaps: Vec::new(), statistics: None, snapshots: () };
        events.attach_programs(&REQUIRED)?;
        events.gaps.push(Gap { what: UNKNOWN, why: NO_ID.to_owned() });
        Ok(events)
    }
}
