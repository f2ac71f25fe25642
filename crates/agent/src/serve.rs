//! The endpoint that Prometheus scrapes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY, WWW_AUTHENTICATE,
};
use hyper::http::{Method, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use probe::ProbeError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{AbortHandle, LocalSet};

use crate::encoding;
use crate::export::families;
use crate::guard::Guard;
use crate::ledger::{Bounds, Ledger};
use crate::metric::{Exposition, Family, exposition};
use crate::push::{Notice, Push, Tally};
use crate::witnesses::Witnesses;

/// How long a scraper may take to ask, and to agree on TLS.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often an order is looked for that no signal announces, and DNS queries without an answer make room for others. Waking
/// up is most of what an idle agent costs.
const GLANCE: Duration = Duration::from_secs(5);

/// How long to wait for a descriptor.
const RETRY: Duration = Duration::from_secs(1);

/// Most connections at a time. One more ends the oldest: so those who only hold connections keep no scraper out.
const CONNECTIONS_MAX: usize = 64;

/// Why metrics cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The runtime cannot be had.
    #[error("cannot start the runtime")]
    Start(#[source] io::Error),
}

/// What is served, to whom, and where it goes unasked.
pub struct Service {
    /// What sees.
    pub witnesses: Witnesses,
    /// Where scrapers ask.
    pub listener: std::net::TcpListener,
    /// Who may.
    pub guard: Guard,
    /// Who is told without asking.
    pub push: Option<Push>,
    /// How much it remembers.
    pub bounds: Bounds,
}

/// What to do next.
pub enum Order {
    /// What was done until now.
    GoOn,
    /// Let others in from now on; connections that stand stay.
    Renew(Guard),
    /// End.
    End,
}

/// A place where scrapers can ask, for [`serve`].
///
/// # Errors
///
/// It cannot be had.
pub fn listen(address: SocketAddr) -> Result<std::net::TcpListener, ServeError> {
    let listen = || {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| ServeError::Listen { address, source })
}

/// Serves `/metrics` and `/healthz` until it is ordered to end; the latter needs no token. Every scrape and every push
/// reads the kernel's counters anew; between them only DNS queries without an answer are looked
/// for. What pushing meets is told to `tell`.
///
/// # Errors
///
/// Before it serves only.
pub fn serve(service: Service, mut next: impl FnMut() -> Order, tell: impl Fn(Notice)) -> Result<(), ServeError> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(ServeError::Start)?;
    let Service { witnesses, listener, guard, push, bounds } = service;
    let ledger = RefCell::new(Ledger::new(Path::new("/"), bounds));
    let exporter = Rc::new(Exporter { witnesses, ledger, guard: RefCell::new(guard), tally: Tally::default() });
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::from_std(listener).map_err(ServeError::Start)?;
        let mut accepting = pin!(accept_all(&listener, &exporter));
        let read = || exporter.families();
        let mut pushing = pin!(crate::push::push_all(push.as_ref(), &exporter.tally, read, tell));
        // They only wake it up: what they mean is for `next` to say.
        let heed = |kind| signal(kind).map_err(ServeError::Start);
        let (mut interrupt, mut terminate) = (heed(SignalKind::interrupt())?, heed(SignalKind::terminate())?);
        let mut hangup = heed(SignalKind::hangup())?;
        loop {
            match next() {
                Order::GoOn => {}
                Order::Renew(guard) => drop(exporter.guard.replace(guard)),
                Order::End => return Ok(()),
            }
            tokio::select! {
                () = &mut accepting => {}
                () = &mut pushing => {}
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
                () = tokio::time::sleep(GLANCE) => exporter.witnesses.tidy(),
            }
        }
    })
}

/// Accepts for ever.
async fn accept_all(listener: &TcpListener, exporter: &Rc<Exporter>) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        // The error is a want of descriptors, which only time cures.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS_MAX {
            open.pop_front().expect("it is full").abort();
        }
        open.push_back(tokio::task::spawn_local(welcome(stream, Rc::clone(exporter))).abort_handle());
    }
}

/// How a scraper's connection ends is its own affair.
async fn welcome(stream: TcpStream, exporter: Rc<Exporter>) {
    let tls = exporter.guard.borrow().tls().cloned();
    match tls {
        None => answer_all(stream, exporter).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                answer_all(stream, exporter).await;
            }
        }
    }
}

async fn answer_all(stream: impl AsyncRead + AsyncWrite + Unpin, exporter: Rc<Exporter>) {
    let answer = service_fn(|request| {
        let answer = exporter.answer(&request);
        async { Ok::<_, Infallible>(answer) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    builder.serve_connection(TokioIo::new(stream), answer).await.ok();
}

struct Exporter {
    witnesses: Witnesses,
    ledger: RefCell<Ledger>,
    guard: RefCell<Guard>,
    tally: Tally,
}

impl Exporter {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            // What is asked for with HEAD has the same head; who serves leaves its body out.
            (&(Method::GET | Method::HEAD), "/healthz") => plain(StatusCode::OK, "ok\n".to_owned()),
            _ if !self.guard.borrow().admits(request.headers()) => unauthorized(),
            (&(Method::GET | Method::HEAD), "/metrics") => {
                let listed = |name| request.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
                self.scrape(Exposition::negotiated(listed(ACCEPT)), encoding::takes_gzip(listed(ACCEPT_ENCODING)))
            }
            (&(Method::GET | Method::HEAD), "/") => plain(StatusCode::OK, "metrics are at /metrics\n".to_owned()),
            (&(Method::GET | Method::HEAD), _) => plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned()),
            _ => {
                let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "ask with GET\n".to_owned());
                refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                refusal
            }
        }
    }

    fn scrape(&self, form: Exposition, is_compressed: bool) -> Response<Full<Bytes>> {
        let families = match self.families() {
            Ok(families) => families,
            Err(error) => return plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        };
        let text = exposition(&families, form);
        let mut response = Response::new(Full::default());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, form.content_type().parse().expect("it is a header's value"));
        headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
        let body = if is_compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            encoding::gzip(&text)
        } else {
            text.into_bytes()
        };
        *response.body_mut() = Full::new(body.into());
        response
    }

    fn families(&self) -> Result<Vec<Family>, ProbeError> {
        let (reading, now) = (self.witnesses.read()?, Instant::now());
        let mut ledger = self.ledger.borrow_mut();
        let families = families(&reading, &mut ledger, now);
        ledger.expire(&self.witnesses, &reading.connections, now)?;
        Ok(families.into_iter().chain(self.tally.families()).collect())
    }
}

fn unauthorized() -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::UNAUTHORIZED, "bring the token: `Authorization: Bearer ...`\n".to_owned());
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
