use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tokio::sync::Notify;

/// How many requests are being worked on.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requests: AtomicU64,
    idle: Notify,
}

/// One request that is being worked on, from its arrival until this is dropped.
#[derive(Debug)]
pub(crate) struct Flight(InFlight);

impl InFlight {
    pub(crate) fn enter(&self) -> Flight {
        self.0.requests.fetch_add(1, SeqCst);
        Flight(self.clone())
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.requests.load(SeqCst)
    }

    /// Returns once nothing is in flight.
    pub(crate) async fn idle(&self) {
        loop {
            let mut notified = std::pin::pin!(self.0.idle.notified());
            // Enlisted before the look, so that a flight that ends in between is not missed.
            notified.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let inner = &self.0.0;
        if inner.requests.fetch_sub(1, SeqCst) == 1 {
            inner.idle.notify_waiters();
        }
    }
}
