//! Metrics that go out unasked: OTLP, over HTTP or gRPC.

#[cfg(feature = "otlp")]
mod message;
#[cfg(feature = "otlp")]
mod send;

use std::cell::Cell;
use std::time::Duration;

use attribution::{Family, MetricKind, ReadError};
use hyper::Uri;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;

/// Where OTLP's receivers take metrics over HTTP.
const HTTP_PATH: &str = "/v1/metrics";

/// Where they do over gRPC.
const GRPC_PATH: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// Longest wait that a receiver may ask for.
#[cfg(feature = "otlp")]
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// Ways to carry OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushProtocol {
    /// Protobuf in HTTP/1.1.
    Http,
    /// gRPC.
    Grpc,
}

/// Who is told, how and how often.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "nobody can be told"))]
pub struct Push {
    uri: Uri,
    protocol: PushProtocol,
    interval: Duration,
    headers: HeaderMap,
    #[cfg(feature = "otlp")]
    tls: tokio_rustls::rustls::ClientConfig,
}

/// Why nobody can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The text names no receiver.
    #[error("`{0}` is no URL of a receiver")]
    Endpoint(String),
    /// Over gRPC the path is given.
    #[error("`{0}` has a path, which gRPC does not take")]
    Path(String),
    /// HTTP cannot carry it.
    #[error("`{0}` is no header that can be sent")]
    Header(String),
    /// Nobody's certificate can be trusted.
    #[error("this machine trusts no authority of certificates, so `{0}` cannot be told")]
    NoRoots(String),
    /// The build lacks it.
    #[error("this build cannot push over OTLP")]
    NotBuilt,
}

/// What happens on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A push failed, for another reason than the one before if that failed, too.
    Fails(String),
    /// After so many failures a push succeeded.
    Recovered(u64),
}

/// Pushes so far.
#[derive(Debug, Default)]
pub(crate) struct PushTally {
    is_pushing: Cell<bool>,
    sent: Cell<u64>,
    failed: Cell<u64>,
}

impl Push {
    /// Tells `endpoint`, such as `http://collector:4318`, once in an `interval`. Without a path, HTTP's is OTLP's own.
    ///
    /// # Errors
    ///
    /// The text is no such URL, a header is none, the machine has no roots for `https`, or the crate was built without
    /// feature `otlp`.
    pub fn new(
        endpoint: &str,
        protocol: PushProtocol,
        interval: Duration,
        headers: &[(String, String)],
    ) -> Result<Self, PushError> {
        if !cfg!(feature = "otlp") {
            return Err(PushError::NotBuilt);
        }
        let uri = receiver(endpoint, protocol)?;
        let header = |(name, value): &(String, String)| {
            let bad = || PushError::Header(name.clone());
            let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
            value.set_sensitive(true);
            Ok((name.parse::<HeaderName>().map_err(|_| bad())?, value))
        };
        let headers = headers.iter().map(header).collect::<Result<_, _>>()?;
        Ok(Self {
            #[cfg(feature = "otlp")]
            tls: send::trust(&uri).ok_or_else(|| PushError::NoRoots(endpoint.to_owned()))?,
            uri,
            protocol,
            interval,
            headers,
        })
    }

    /// Where it goes.
    pub fn place(&self) -> String {
        self.uri.to_string()
    }
}

fn receiver(endpoint: &str, protocol: PushProtocol) -> Result<Uri, PushError> {
    let no_url = || PushError::Endpoint(endpoint.to_owned());
    let uri: Uri = endpoint.parse().map_err(|_| no_url())?;
    let is_url = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    if !is_url {
        return Err(no_url());
    }
    let is_bare = matches!(uri.path_and_query().map(PathAndQuery::as_str), None | Some("/"));
    let path = match (protocol, is_bare) {
        (PushProtocol::Http, false) => return Ok(uri),
        (PushProtocol::Http, true) => HTTP_PATH,
        (PushProtocol::Grpc, true) => GRPC_PATH,
        (PushProtocol::Grpc, false) => return Err(PushError::Path(endpoint.to_owned())),
    };
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static(path));
    Uri::from_parts(parts).map_err(|_| no_url())
}

impl PushTally {
    /// What became of pushes; nothing where nobody is told.
    pub fn families(&self) -> Vec<Family> {
        if !self.is_pushing.get() {
            return Vec::new();
        }
        let counter = |name, help, count: &Cell<u64>| {
            let mut family = Family::new(name, MetricKind::Counter, help);
            family.add(Vec::new(), count.get() as f64);
            family
        };
        vec![
            counter("meshtax_agent_otlp_pushes_total", "Pushes over OTLP that the receiver took.", &self.sent),
            counter("meshtax_agent_otlp_failures_total", "Pushes over OTLP that failed.", &self.failed),
        ]
    }
}

/// Reads and tells for ever; without anybody to tell, nothing. What could not be told is part of what is told next:
/// counters only grow.
#[cfg(feature = "otlp")]
pub(crate) async fn push_all(
    push: Option<&Push>,
    tally: &PushTally,
    read: impl Fn() -> Result<Vec<Family>, ReadError>,
    tell: impl Fn(Notice),
) {
    let Some(push) = push else { return std::future::pending().await };
    tally.is_pushing.set(true);
    let resource = message::Resource::of_this_host();
    let sender = send::Sender::new(push);
    let (mut failures, mut last, mut pause) = (0, String::new(), None);
    loop {
        tokio::time::sleep(wait(push.interval, failures, pause.take())).await;
        let told = match read() {
            Ok(families) => sender.send(&resource.request(&families)).await.map_err(|error| {
                pause = error.pause();
                error.to_string()
            }),
            Err(error) => Err(error.to_string()),
        };
        match told {
            Ok(()) => {
                tally.sent.set(tally.sent.get() + 1);
                if failures > 0 {
                    tell(Notice::Recovered(failures));
                }
                (failures, last) = (0, String::new());
            }
            Err(why) => {
                tally.failed.set(tally.failed.get() + 1);
                if why != last {
                    tell(Notice::Fails(why.clone()));
                }
                (failures, last) = (failures + 1, why);
            }
        }
    }
}

#[cfg(not(feature = "otlp"))]
pub(crate) async fn push_all(
    _: Option<&Push>,
    _: &PushTally,
    _: impl Fn() -> Result<Vec<Family>, ReadError>,
    _: impl Fn(Notice),
) {
    std::future::pending().await
}

/// The interval after a success; after failures a second, two, four, … up to the interval, each a little more or less so that
/// agents which failed together do not come back together. Where the receiver asks for a longer `pause`, that.
#[cfg(feature = "otlp")]
fn wait(interval: Duration, failures: u64, pause: Option<Duration>) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    if failures == 0 {
        return interval;
    }
    let doubled = Duration::from_secs(1 << (failures - 1).min(16));
    let share = RandomState::new().hash_one(failures) as f64 / u64::MAX as f64;
    let wait = doubled.mul_f64(0.8 + 0.4 * share).min(interval);
    pause.map_or(wait, |pause| pause.min(PAUSE_MAX).max(wait))
}

#[cfg(test)]
mod tests;
