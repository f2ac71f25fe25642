use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::http::{HeaderMap, Request, Response, StatusCode};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use prost::Message;
use rcgen::{CertifiedKey, KeyPair};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tonic::Status;

/// A request that arrived.
pub struct Pushed {
    pub message: ExportMetricsServiceRequest,
    /// Value of the header `x-tenant`.
    pub tenant: String,
}

/// An OTLP receiver. For gRPC it uses the server generated from OTLP's own description, and for HTTP/1.1 a few lines.
pub struct Receiver {
    address: SocketAddr,
    inbox: Inbox,
    pushed: mpsc::Receiver<Pushed>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Clone)]
struct Inbox {
    into: mpsc::Sender<Pushed>,
    is_closed: Arc<AtomicBool>,
}

impl Receiver {
    pub fn begin() -> Self {
        Self::of(None)
    }

    /// Starts a receiver that accepts only TLS. Its certificate is for 127.0.0.1.
    pub fn secret(certificate: &CertifiedKey<KeyPair>) -> Self {
        let key = PrivateKeyDer::from_pem_slice(certificate.signing_key.serialize_pem().as_bytes()).unwrap();
        let builder = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into());
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let mut config = builder.with_single_cert(vec![certificate.cert.der().clone()], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::of(Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn of(tls: Option<TlsAcceptor>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (into, pushed) = mpsc::channel();
        let inbox = Inbox { into, is_closed: Arc::default() };
        let receiver =
            Self { address: listener.local_addr().unwrap(), inbox: inbox.clone(), pushed, _runtime: runtime };
        receiver._runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(welcome(stream, tls.clone(), inbox.clone()));
            }
        });
        receiver
    }

    pub fn place(&self) -> String {
        self.address.to_string()
    }

    /// Waits for the next push.
    pub fn next(&self) -> Pushed {
        self.pushed.recv_timeout(Duration::from_secs(60)).expect("it is pushed")
    }

    /// Refuses pushes from now on, or accepts them again.
    pub fn close(&self, is_closed: bool) {
        self.inbox.is_closed.store(is_closed, Ordering::SeqCst);
    }

    /// Drops the pushes received so far.
    pub fn forget(&self) {
        while self.pushed.try_recv().is_ok() {}
    }
}

/// Serves both protocols on one port. HTTP/2 is negotiated in TLS, or recognised by its opening bytes.
async fn welcome(stream: TcpStream, tls: Option<TlsAcceptor>, inbox: Inbox) {
    match tls {
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                receive(stream, is_http2, inbox).await;
            }
        }
        None => {
            let mut first = [0; 3];
            while stream.peek(&mut first).await.is_ok_and(|length| (1..first.len()).contains(&length)) {}
            receive(stream, &first == b"PRI", inbox).await;
        }
    }
}

async fn receive(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, is_http2: bool, inbox: Inbox) {
    let stream = TokioIo::new(stream);
    if is_http2 {
        let service = TowerToHyperService::new(MetricsServiceServer::new(inbox));
        http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await.ok();
    } else {
        let service = service_fn(|request| take(request, inbox.clone()));
        http1::Builder::new().serve_connection(stream, service).await.ok();
    }
}

async fn take(request: Request<Incoming>, inbox: Inbox) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/v1/metrics"));
    assert_eq!(request.headers()["content-type"], "application/x-protobuf");
    let mut response = Response::new(Full::new(Bytes::from(ExportMetricsServiceResponse::default().encode_to_vec())));
    if inbox.is_closed.load(Ordering::SeqCst) {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return Ok(response);
    }
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    inbox.put(ExportMetricsServiceRequest::decode(body).unwrap(), &headers);
    Ok(response)
}

impl Inbox {
    fn put(&self, message: ExportMetricsServiceRequest, headers: &HeaderMap) {
        let tenant = headers["x-tenant"].to_str().unwrap().to_owned();
        // A test that has seen enough may have ended.
        self.into.send(Pushed { message, tenant }).ok();
    }
}

type Answer = Result<tonic::Response<ExportMetricsServiceResponse>, Status>;

impl MetricsService for Inbox {
    // Written as `async_trait` expands it.
    fn export<'life, 'answer>(
        &'life self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'answer>>
    where
        'life: 'answer,
        Self: 'answer,
    {
        Box::pin(async move {
            if self.is_closed.load(Ordering::SeqCst) {
                return Err(Status::unavailable("closed"));
            }
            let (metadata, _, message) = request.into_parts();
            self.put(message, &metadata.into_headers());
            Ok(tonic::Response::new(ExportMetricsServiceResponse::default()))
        })
    }
}
