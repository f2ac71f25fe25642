use std::error::Error;
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt, Full, Limited};
use hyper::Uri;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, TE};
use hyper::http::uri::Scheme;
use hyper::http::{Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use prost::Message;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Push, PushProtocol};

/// How long a receiver may take to answer: the default of OTLP exporters.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer that is read, in bytes.
const ANSWER_MAX: usize = 64 << 10;

/// Length in bytes of the prefix of a gRPC message: a compression flag, and the message's length.
const PREFIX: usize = 5;

/// HTTP client of one receiver.
pub(super) struct Sender<'a> {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    push: &'a Push,
}

/// An error while sending metrics to a receiver.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Late,
    #[error("{}", chain(.0.as_ref()))]
    Failed(Box<dyn Error + Send + Sync>),
    #[error("the receiver answered {answer}")]
    Refused {
        answer: String,
        /// Pause that the receiver asks for (RFC 9110, section 10.2.3).
        pause: Option<Duration>,
    },
    #[error("the receiver refused {0} points: {1}")]
    Partly(i64, String),
}

impl SendError {
    /// Returns the pause that the receiver asks for.
    pub fn pause(&self) -> Option<Duration> {
        if let Self::Refused { pause, .. } = self { *pause } else { None }
    }
}

impl<'a> Sender<'a> {
    pub fn new(push: &'a Push) -> Self {
        let builder = HttpsConnectorBuilder::new().with_tls_config(push.tls.clone()).https_or_http();
        let connector = match push.protocol {
            PushProtocol::Http => builder.enable_http1().build(),
            PushProtocol::Grpc => builder.enable_http2().build(),
        };
        let mut client = Client::builder(TokioExecutor::new());
        Self { client: client.http2_only(push.protocol == PushProtocol::Grpc).build(connector), push }
    }

    /// Sends one request.
    ///
    /// # Errors
    ///
    /// Returns an error if the receiver does not accept all of it.
    pub async fn send(&self, message: &ExportMetricsServiceRequest) -> Result<(), SendError> {
        let failed = |error: Box<dyn Error + Send + Sync>| SendError::Failed(error);
        let sending = async {
            let response = self.client.request(self.request(message)).await.map_err(|error| failed(error.into()))?;
            let (parts, body) = response.into_parts();
            let answer = Limited::new(body, ANSWER_MAX).collect().await.map_err(failed)?;
            let trailers = answer.trailers().cloned().unwrap_or_default();
            if !parts.status.is_success() {
                return Err(SendError::Refused { answer: parts.status.to_string(), pause: pause(&parts.headers) });
            }
            let bytes = answer.to_bytes();
            let message = match self.push.protocol {
                PushProtocol::Http => &bytes[..],
                PushProtocol::Grpc => {
                    // A gRPC answer without a message has its trailers in its headers.
                    judge(if trailers.is_empty() { &parts.headers } else { &trailers })?;
                    bytes.get(PREFIX..).unwrap_or_default()
                }
            };
            taken_whole(message)
        };
        tokio::time::timeout(PATIENCE, sending).await.unwrap_or(Err(SendError::Late))
    }

    fn request(&self, message: &ExportMetricsServiceRequest) -> Request<Full<Bytes>> {
        let (body, kind) = match self.push.protocol {
            PushProtocol::Http => (message.encode_to_vec(), "application/x-protobuf"),
            PushProtocol::Grpc => (framed(message), "application/grpc"),
        };
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.push.uri.clone();
        let headers = request.headers_mut();
        headers.extend(self.push.headers.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if self.push.protocol == PushProtocol::Grpc {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        request
    }
}

/// Returns a TLS configuration that trusts this machine's authorities, or those in `SSL_CERT_FILE` and `SSL_CERT_DIR`.
/// The answer is `None` if `uri` needs authorities and there are none.
pub(super) fn trust(uri: &Uri) -> Option<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if uri.scheme() == Some(&Scheme::HTTPS) {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return None;
        }
    }
    let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().expect("the provider has ciphers for these versions");
    Some(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Returns the message with gRPC's prefix, uncompressed.
fn framed(message: &ExportMetricsServiceRequest) -> Vec<u8> {
    let length = u32::try_from(message.encoded_len()).expect("series in the kernel are bounded");
    let mut bytes = vec![0];
    bytes.extend(length.to_be_bytes());
    bytes.extend(message.encode_to_vec());
    bytes
}

/// Parses `Retry-After`, which is a number of seconds or a date.
pub(super) fn pause(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let until = || httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok();
    text.parse().map(Duration::from_secs).ok().or_else(until)
}

/// Returns an error unless gRPC's status is 0.
fn judge(trailers: &HeaderMap) -> Result<(), SendError> {
    let text = |name| trailers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match text("grpc-status") {
        Some("0") => Ok(()),
        Some(status) => {
            let message = text("grpc-message").unwrap_or_default();
            let answer = format!("gRPC status {status} {message}").trim_end().to_owned();
            Err(SendError::Refused { answer, pause: None })
        }
        None => Err(SendError::Refused { answer: "without a gRPC status".to_owned(), pause: None }),
    }
}

/// Returns an error if the receiver has accepted only some of the points.
fn taken_whole(answer: &[u8]) -> Result<(), SendError> {
    match ExportMetricsServiceResponse::decode(answer).ok().and_then(|answer| answer.partial_success) {
        Some(partial) if partial.rejected_data_points > 0 => {
            Err(SendError::Partly(partial.rejected_data_points, partial.error_message))
        }
        _ => Ok(()),
    }
}

/// Returns an error and its causes on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
