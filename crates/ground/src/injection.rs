/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Injection {
    /// This share of the packets from callers to callees is lost as it reaches the callees' pods.
    Loss(CallPath, f64),
    /// This share of the segments with a whole message from callers to callees is answered by a reset.
    Reset(CallPath, f64),
    /// This name, fully qualified without the final dot, no longer exists.
    Name(String),
    /// The simulated services in these pods keep their ports open, with room for one connection, and accept none.
    Deaf(Vec<String>),
}

/// Where calls go along: pods that call, pods that are called, and their port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallPath {
    /// Pods that call.
    pub callers: Vec<String>,
    /// Pods that are called.
    pub callees: Vec<String>,
    /// The port on which they are.
    pub port: u16,
}
