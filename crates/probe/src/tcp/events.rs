use records::{TcpKey, TcpLosses, TcpSeries};

use super::{REQUIRED, TellsConnections, attach_each, open_fitting};
use crate::error::ProbeError;
use crate::witness::{Programs, Source, Witness};

/// The witness for kernels that are too old to count: it only reports events of connections.
pub type Events = Witness<Uncounted>;

/// The source of that witness, which has no state.
#[derive(Debug)]
pub struct Uncounted;

/// The compiled programs.
const EVENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/event.bpf.o"));

const NO_ID: &str = "programs cannot read socket ids before Linux 5.12, nor list all sockets before 5.13";

/// Maps that these programs do not use.
const UNUSED: [&str; 2] = ["stories", "series"];

const UNKNOWN: &str = "bytes, control groups and ids of sockets, and the owners of accepted and older sockets";

impl Events {
    /// Loads the programs and attaches them. This needs Linux 5.8 or newer, with BTF.
    ///
    /// # Errors
    ///
    /// Returns an error if the user lacks CAP_BPF and CAP_PERFMON, or if the kernel is too old.
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

    /// There is no map of counters, so there are no overflow keys.
    fn others() -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn attach(&mut self, programs: &mut Programs) -> Result<(), ProbeError> {
        attach_each(programs, &REQUIRED)?;
        programs.gap(UNKNOWN, NO_ID);
        Ok(())
    }
}
