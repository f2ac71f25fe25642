use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use measure::Samples;
use serde::Serialize;
use traffic::{Load, Order, OrderError};

use crate::Client;

/// Why the load role ended before its orders did.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Orders cannot be read.
    #[error("cannot read orders")]
    Orders(#[source] io::Error),
    /// A line is not an order.
    #[error(transparent)]
    Order(OrderError),
    /// The kernel cannot say what happens on connections.
    #[error("cannot wait for connections")]
    Poll(#[source] io::Error),
    /// An answer cannot be written: whoever gave the orders is gone.
    #[error("cannot write an answer")]
    Answer(#[source] io::Error),
}

/// First answer: orders are heard.
#[derive(Serialize)]
struct ReadyAnswer {
    ready: bool,
}

/// Performs orders until they end, all of them as one [`Client`]: answers `{"ready":true}` at once, then one line for each
/// block. A block that was ordered before the end is performed whole.
///
/// # Errors
///
/// Returns an error for a line that is not an order, or if input or output fails.
pub fn serve(orders: impl BufRead + Send + 'static, mut answers: impl Write) -> Result<(), ServeError> {
    let stop = Arc::new(AtomicBool::new(false));
    let (blocks, ordered) = channel();
    let reader_stop = Arc::clone(&stop);
    // Orders are read beside the work, so that `stop` is heard during a block.
    thread::spawn(move || read_orders(orders, &reader_stop, &blocks));
    answer(&mut answers, &ReadyAnswer { ready: true })?;
    let mut client = Client::default();
    while let Ok(load) = ordered.recv() {
        answer::<Samples>(&mut answers, &client.perform(&load?, &stop).map_err(ServeError::Poll)?)?;
    }
    Ok(())
}

/// Passes blocks on until the orders end; the end of `blocks` is what ends the role.
fn read_orders(orders: impl BufRead, stop: &AtomicBool, blocks: &Sender<Result<Load, ServeError>>) {
    let mut keep = false;
    for line in orders.lines() {
        match line.map_err(ServeError::Orders).and_then(|line| line.parse().map_err(ServeError::Order)) {
            Ok(Order::Keep) => keep = true,
            Ok(Order::Stop) => stop.store(true, Ordering::Relaxed),
            Ok(Order::Load(load)) => {
                stop.store(false, Ordering::Relaxed);
                if blocks.send(Ok(*load)).is_err() {
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

#[cfg(test)]
mod tests;
