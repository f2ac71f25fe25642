//! Push of metrics over OTLP, by HTTP or gRPC.

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

/// Path at which OTLP receivers take metrics over HTTP.
const HTTP_PATH: &str = "/v1/metrics";

/// Path at which OTLP receivers take metrics over gRPC.
const GRPC_PATH: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// Longest pause that a receiver may ask for.
#[cfg(feature = "otlp")]
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// Transport protocols of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushProtocol {
    /// Protobuf over HTTP/1.1.
    Http,
    /// gRPC over HTTP/2.
    Grpc,
}

/// Where metrics are pushed, how, and how often.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "nothing is pushed without the feature"))]
pub struct Push {
    uri: Uri,
    protocol: PushProtocol,
    interval: Duration,
    headers: HeaderMap,
    #[cfg(feature = "otlp")]
    tls: tokio_rustls::rustls::ClientConfig,
}

/// An error in the options of a push.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The endpoint is not a URL of a receiver.
    #[error("`{0}` is not the URL of a receiver")]
    Endpoint(String),
    /// The endpoint has a path, but gRPC has its own.
    #[error("`{0}` has a path, but gRPC allows none")]
    Path(String),
    /// A header's name or value is not valid in HTTP.
    #[error("`{0}` is not a valid HTTP header")]
    Header(String),
    /// An `https` endpoint is given, but this machine trusts no certificate authority.
    #[error("this machine trusts no certificate authority, so nothing can be pushed to `{0}`")]
    NoRoots(String),
    /// This build cannot push.
    #[error("this build cannot push over OTLP")]
    NotBuilt,
}

/// An event of pushing that the user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A push failed. It is the first failure, or its reason differs from that of the failure before.
    Fails(String),
    /// A push succeeded after this number of failures.
    Recovered(u64),
}

/// Numbers of pushes so far.
#[derive(Debug, Default)]
pub(crate) struct PushTally {
    is_pushing: Cell<bool>,
    sent: Cell<u64>,
    failed: Cell<u64>,
}

impl Push {
    /// Prepares pushes to `endpoint`, such as `http://collector:4318`, one per `interval`. Over HTTP, an endpoint
    /// without a path gets OTLP's default path.
    ///
    /// # Errors
    ///
    /// Returns an error if `endpoint` is not a URL, a header is not valid, the machine has no certificate authorities
    /// for `https`, or the crate was built without the feature `otlp`.
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

    /// Returns the URL that metrics are pushed to.
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
    /// Returns metrics about pushes; none if nothing is pushed.
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
            counter("meshtax_agent_otlp_pushes_total", "OTLP pushes that the receiver accepted.", &self.sent),
            counter("meshtax_agent_otlp_failures_total", "OTLP pushes that failed.", &self.failed),
        ]
    }
}

/// Reads and pushes metrics for ever, or does nothing if `push` is `None`. A failed push is not repeated: counters only
/// grow, so the next push includes what the failed one held.
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

/// Returns how long to wait before the next push. After a success that is the interval. After failures it is 1, 2, 4, …
/// seconds up to the interval, varied by 20 %, so that agents which failed together do not come back together. A longer
/// `pause` that the receiver asks for is honoured.
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
