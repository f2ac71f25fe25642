use std::fmt;
use std::io::{self, BufRead, Write};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use serde::Serialize;

use crate::{BlockLoad, Client, Sequential};

/// What the load role in a client pod can be told, one line each. Blocks are performed one at a time; the next is
/// ordered once the last one's answer has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// `{"sequential":{..}}`: perform a block and answer with its [`BlockLoad`], one line of JSON.
    Sequential(Sequential),
    /// `stop`: end the block that is being performed early; its answer comes as usual.
    Stop,
    /// `keep`: do not end with the orders; the lab outlives the program that made it.
    Keep,
}

/// Why the load role ended before its orders did.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Orders cannot be read.
    #[error("cannot read orders")]
    Orders(#[source] io::Error),
    /// A line is no order.
    #[error("`{line}` is not an order")]
    Order {
        /// The line.
        line: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An answer cannot be written: whoever gave the orders is gone.
    #[error("cannot write an answer")]
    Answer(#[source] io::Error),
}

/// The form of an order that has fields.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fields {
    Sequential(Sequential),
}

/// First answer: orders are heard.
#[derive(Serialize)]
struct Ready {
    ready: bool,
}

/// Performs orders until they end, all of them as one [`Client`]: answers `{"ready":true}` at once, then one line for each
/// block. A block that was ordered before the end is performed whole.
///
/// # Errors
///
/// A line that is no order; an input or output that fails.
pub fn serve(orders: impl BufRead + Send + 'static, mut answers: impl Write) -> Result<(), ServeError> {
    let stop = Arc::new(AtomicBool::new(false));
    let (blocks, ordered) = channel();
    let reader_stop = Arc::clone(&stop);
    // Orders are read beside the work, so that `stop` is heard during a block.
    thread::spawn(move || read_orders(orders, &reader_stop, &blocks));
    answer(&mut answers, &Ready { ready: true })?;
    let mut client = Client::default();
    while let Ok(load) = ordered.recv() {
        answer::<BlockLoad>(&mut answers, &client.perform(&load?, &stop))?;
    }
    Ok(())
}

/// Passes blocks on until the orders end; the end of `blocks` is what ends the role.
fn read_orders(orders: impl BufRead, stop: &AtomicBool, blocks: &Sender<Result<Sequential, ServeError>>) {
    let mut keep = false;
    for line in orders.lines() {
        match line.map_err(ServeError::Orders).and_then(|line| line.parse()) {
            Ok(Order::Keep) => keep = true,
            Ok(Order::Stop) => stop.store(true, Ordering::Relaxed),
            Ok(Order::Sequential(load)) => {
                stop.store(false, Ordering::Relaxed);
                if blocks.send(Ok(load)).is_err() {
                    return;
                }
            }
            Err(error) => {
                // Fails only if the role has ended already.
                drop(blocks.send(Err(error)));
                return;
            }
        }
    }
    if keep {
        loop {
            thread::park();
        }
    }
}

fn answer<T: Serialize>(answers: &mut impl Write, value: &T) -> Result<(), ServeError> {
    let line = serde_json::to_string(value).expect("answers have text keys and finite numbers");
    writeln!(answers, "{line}").and_then(|()| answers.flush()).map_err(ServeError::Answer)
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop => f.write_str("stop"),
            Self::Keep => f.write_str("keep"),
            Self::Sequential(load) => {
                let fields = Fields::Sequential(load.clone());
                f.write_str(&serde_json::to_string(&fields).expect("orders have text keys"))
            }
        }
    }
}

impl FromStr for Order {
    type Err = ServeError;

    fn from_str(line: &str) -> Result<Self, ServeError> {
        match line.trim() {
            "stop" => Ok(Self::Stop),
            "keep" => Ok(Self::Keep),
            text => match serde_json::from_str(text) {
                Ok(Fields::Sequential(load)) => Ok(Self::Sequential(load)),
                Err(source) => Err(ServeError::Order { line: line.to_owned(), source }),
            },
        }
    }
}

#[cfg(test)]
mod tests;
