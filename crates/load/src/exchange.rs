use std::rc::Rc;

use measure::WireBytes;
use traffic::Request;

use crate::RequestOutcome;

/// A request in the form in which connections send it.
pub(crate) struct Prepared {
    /// The whole request as HTTP/1.1 sends it.
    pub(crate) http1: Vec<u8>,
    /// Length of the body within it, in bytes.
    pub(crate) body_bytes: usize,
    pub(crate) is_head: bool,
    pub(crate) is_idempotent: bool,
}

impl Prepared {
    pub(crate) fn new(request: &Request) -> Self {
        Self {
            http1: http1(request),
            body_bytes: request.body.len(),
            is_head: request.method == "HEAD",
            is_idempotent: request.is_idempotent(),
        }
    }
}

fn http1(request: &Request) -> Vec<u8> {
    let names = |name: &str| request.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method, request.target.path());
    let mut field = |name: &str, value: &str| text.extend([name, ": ", value, "\r\n"]);
    let usual = [
        ("Host", request.target.authority()),
        ("User-Agent", format!("meshtax/{version}")),
        ("Accept", "*/*".to_owned()),
    ];
    usual.iter().filter(|(name, _)| !names(name)).for_each(|(name, value)| field(name, value));
    let length_wanted = !request.body.is_empty() || matches!(&*request.method, "POST" | "PUT" | "PATCH");
    if length_wanted && !names("Content-Length") && !names("Transfer-Encoding") {
        field("Content-Length", &request.body.len().to_string());
    }
    request.headers.iter().for_each(|(name, value)| field(name, value));
    text.push_str("\r\n");
    [text.as_bytes(), &request.body].concat()
}

/// A request that is due.
pub(crate) struct DueRequest {
    /// Intended start. It depends on the plan and on earlier ends only, never on when somebody looked at a clock, so that
    /// a late start is lateness and does not move the schedule.
    pub(crate) due_ns: u64,
    /// Which user asks; 0 where there are none.
    pub(crate) user: u32,
    /// What is asked.
    pub(crate) request: Rc<Prepared>,
}

/// A request on its way, and when what happened to it. Times are nanoseconds of CLOCK_MONOTONIC.
pub(crate) struct Exchange {
    /// Intended start.
    pub(crate) due_ns: u64,
    /// The generator set to work.
    pub(crate) began_ns: u64,
    /// How long its connection took to open, in nanoseconds; 0 if the connection was open.
    pub(crate) connect_ns: u64,
    /// The last byte of the request was handed to the kernel; 0 before.
    pub(crate) sent_ns: u64,
    /// The first byte of the answer was read; 0 before.
    pub(crate) first_ns: u64,
    /// It has failed if it is not over by then.
    pub(crate) deadline_ns: u64,
    pub(crate) user: u32,
    pub(crate) request: Rc<Prepared>,
    /// It was sent before, on a connection that the peer had closed.
    pub(crate) again: bool,
}

impl Exchange {
    pub(crate) fn begin(arrival: DueRequest, began_ns: u64, timeout_ns: u64) -> Self {
        Self {
            due_ns: arrival.due_ns,
            began_ns,
            connect_ns: 0,
            sent_ns: 0,
            first_ns: 0,
            deadline_ns: began_ns.saturating_add(timeout_ns),
            user: arrival.user,
            request: arrival.request,
            again: false,
        }
    }

    pub(crate) fn end(self, end_ns: u64, outcome: RequestOutcome) -> Finished {
        Finished { exchange: self, end_ns, outcome, received: WireBytes::default(), unanswered: false }
    }
}

/// A request that is over.
pub(crate) struct Finished {
    pub(crate) exchange: Exchange,
    /// The last byte of the answer was read, or the request failed.
    pub(crate) end_ns: u64,
    pub(crate) outcome: RequestOutcome,
    /// Bytes of the answer.
    pub(crate) received: WireBytes,
    /// The peer closed a kept connection before any byte of an answer: an ordinary race, which every client answers with
    /// a new connection (RFC 9112, section 9.3.1).
    pub(crate) unanswered: bool,
}
