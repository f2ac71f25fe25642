use records::{TcpKey, TcpLosses, TcpSeries};

use super::{REQUIRED, TellsConnections, attach_each, open_fitting};
use crate::error::ProbeError;
use crate::witness::{Programs, Source, Witness};

/// A witness that tells what happens to connections and counts nothing, for kernels that are too old for more.
pub type Events = Witness<Uncounted>;

/// What it has of its own: nothing.
#[derive(Debug)]
pub struct Uncounted;

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
        let mut events = Self::of(object, Uncounted)?;
        events.attach()?;
        Ok(events)
    }
}

impl TellsConnections for Uncounted {}

impl Source for Uncounted {
    type Key = TcpKey;
    type Series = TcpSeries;
    type Losses = TcpLosses;

    fn key(&self, bytes: &[u8]) -> TcpKey {
        TcpKey::read(bytes)
    }

    /// It has no map of counters.
    fn others() -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn attach(&mut self, programs: &mut Programs) -> Result<(), ProbeError> {
        attach_each(programs, &REQUIRED)?;
        programs.gap(UNKNOWN, NO_ID);
        Ok(())
    }
}
