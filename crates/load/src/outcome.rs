use std::fmt;

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// An answer was read whole.
    Answered {
        /// Status code of the answer.
        status: u16,
    },
    /// The name has no address.
    Resolve,
    /// No connection: refused or unreachable.
    Connect,
    /// Not done in time.
    Timeout,
    /// The connection was reset before the answer was whole.
    Reset,
    /// The connection was closed before the answer was whole.
    Closed,
    /// The answer is not valid HTTP/1.1.
    BadAnswer,
}

impl RequestOutcome {
    /// Whether its time is a latency: an answer that is neither a client's nor a server's error.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Answered { status: ..400 })
    }
}

/// The stable name under which errors are counted: `status_503`, `connect`, `timeout` …
impl fmt::Display for RequestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { status } => write!(f, "status_{status}"),
            Self::Resolve => f.write_str("resolve"),
            Self::Connect => f.write_str("connect"),
            Self::Timeout => f.write_str("timeout"),
            Self::Reset => f.write_str("reset"),
            Self::Closed => f.write_str("closed"),
            Self::BadAnswer => f.write_str("bad_answer"),
        }
    }
}

/// What went wrong on an open connection.
impl From<std::io::Error> for RequestOutcome {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{TimedOut, UnexpectedEof, WouldBlock};
        match error.kind() {
            // A socket's timeout is EAGAIN on Linux.
            TimedOut | WouldBlock => Self::Timeout,
            UnexpectedEof => Self::Closed,
            _ => Self::Reset,
        }
    }
}
