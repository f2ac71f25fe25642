use std::io::BufRead;
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What the holder of the other end asks for: one word a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServiceOrder {
    /// Hand out the counts.
    Counts,
    /// Say when nothing is in flight.
    Settle,
    /// Accept no connection any more, true, or accept again.
    Deaf(bool),
    /// Stay when the orders end.
    Keep,
    /// Anything else.
    Unknown(String),
}

impl ServiceOrder {
    /// The order in a line.
    pub(crate) fn parse(line: &str) -> Self {
        match line.trim() {
            "counts" => Self::Counts,
            "settle" => Self::Settle,
            "deaf" => Self::Deaf(true),
            "hear" => Self::Deaf(false),
            "keep" => Self::Keep,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// Reads orders in a thread of its own, since they come from something that blocks. The channel ends when they end; a
/// read that fails ends them too, for nobody is there to hear of it.
pub(crate) fn receive(orders: impl BufRead + Send + 'static) -> std::io::Result<UnboundedReceiver<ServiceOrder>> {
    let (sender, receiver) = unbounded_channel();
    thread::Builder::new().name("orders".to_owned()).spawn(move || {
        for line in orders.lines().map_while(Result::ok) {
            if sender.send(ServiceOrder::parse(&line)).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}
