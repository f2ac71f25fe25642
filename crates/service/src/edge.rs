//! Hops to other services: attempts, time limits, retries, and what they count.

mod caller;
mod http;
mod line;

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::header::HeaderMap;
use hyper::http::StatusCode;
use tokio::time::timeout;

use crate::tally::CallTally;

pub(crate) use caller::{Caller, Tallies};

/// A call that a script makes, ready to be made.
#[derive(Debug)]
pub(crate) struct OutgoingCall {
    route: Route,
    timeout: Duration,
    retries: u32,
    tally: Arc<CallTally>,
}

#[derive(Debug)]
enum Route {
    Http(http::HttpRoute),
    Line(line::LineRoute),
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("no whole answer within {0:?}")]
    Timeout(Duration),
    #[error("status {0}")]
    Status(StatusCode),
    #[error("no answer")]
    Client(#[from] hyper_util::client::legacy::Error),
    #[error("incomplete answer")]
    Body(#[from] hyper::Error),
    #[error("no answer")]
    Line(#[from] io::Error),
}

impl OutgoingCall {
    /// Makes the call on behalf of a request that came with `incoming`. A failed attempt is repeated at once while there
    /// are retries; a call that fails nonetheless is only counted.
    pub(crate) async fn call(&self, incoming: &HeaderMap) {
        let start = Instant::now();
        self.tally.calls.add(1);
        for attempt in 0..=self.retries {
            if attempt > 0 {
                self.tally.retries.add(1);
            }
            match self.attempt(incoming).await {
                Ok(()) => return self.tally.latency.record(start.elapsed()),
                Err(error) => self.note(&error),
            }
        }
        self.tally.failures.add(1);
    }

    async fn attempt(&self, incoming: &HeaderMap) -> Result<(), AttemptError> {
        let asked = async {
            match &self.route {
                Route::Http(route) => route.ask(incoming, &self.tally).await,
                Route::Line(route) => route.ask(&self.tally).await,
            }
        };
        timeout(self.timeout, asked).await.unwrap_or(Err(AttemptError::Timeout(self.timeout)))
    }

    /// Keeps the whole chain of causes: `no answer: client error (Connect): tcp connect error: …`.
    fn note(&self, error: &AttemptError) {
        let causes = std::iter::successors(Some(error as &dyn Error), |&error| error.source());
        let chain: Vec<_> = causes.map(ToString::to_string).collect();
        *self.tally.last_failure.lock().expect("no thread panics while it holds this") = Some(chain.join(": "));
    }
}
