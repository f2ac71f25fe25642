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
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::http::{Method, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use probe::{Probe, ProbeError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{AbortHandle, LocalSet};

use crate::export::{Reading, families};
use crate::guard::Guard;
use crate::ledger::{Bounds, Ledger};
use crate::metric::{Exposition, Family, exposition};
use crate::own::Cost;
use crate::push::{Notice, Push, Tally};

/// How long a scraper may take to ask, and to agree on TLS.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often an order is looked for that no signal announces. Waking up is most of what an idle agent costs.
const GLANCE: Duration = Duration::from_secs(1);

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
    /// The witness.
    pub probe: Probe,
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
/// reads the kernel's counters anew; between them nothing runs. What pushing meets is told to `tell`.
///
/// # Errors
///
/// Before it serves only.
pub fn serve(service: Service, mut next: impl FnMut() -> Order, tell: impl Fn(Notice)) -> Result<(), ServeError> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(ServeError::Start)?;
    let Service { probe, listener, guard, push, bounds } = service;
    let ledger = RefCell::new(Ledger::new(Path::new("/"), bounds));
    let exporter = Rc::new(Exporter { probe, ledger, guard: RefCell::new(guard), tally: Tally::default() });
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
                () = tokio::time::sleep(GLANCE) => {}
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
            tokio::time::sleep(GLANCE).await;
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
    probe: Probe,
    ledger: RefCell<Ledger>,
    guard: RefCell<Guard>,
    tally: Tally,
}

impl Exporter {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/healthz") => plain(StatusCode::OK, "ok\n".to_owned()),
            _ if !self.guard.borrow().admits(request.headers()) => unauthorized(),
            (&Method::GET, "/metrics") => {
                let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
                self.scrape(Exposition::negotiated(accept))
            }
            (&Method::GET, "/") => plain(StatusCode::OK, "metrics are at /metrics\n".to_owned()),
            (&Method::GET, _) => plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned()),
            _ => plain(StatusCode::METHOD_NOT_ALLOWED, "ask with GET\n".to_owned()),
        }
    }

    fn scrape(&self, form: Exposition) -> Response<Full<Bytes>> {
        match self.families() {
            Ok(families) => {
                let text = exposition(&families, form);
                let mut response = plain(StatusCode::OK, text);
                let kind = form.content_type().parse().expect("it is a header's value");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }

    fn families(&self) -> Result<Vec<Family>, ProbeError> {
        let (reading, now) = (self.read()?, Instant::now());
        let mut ledger = self.ledger.borrow_mut();
        let families = families(&reading, &mut ledger, now);
        ledger.expire(&self.probe, &reading.connections, now)?;
        Ok(families.into_iter().chain(self.tally.families()).collect())
    }

    fn read(&self) -> Result<Reading, ProbeError> {
        let started = Instant::now();
        let series = self.probe.series()?;
        let connections = self.probe.connections()?;
        let losses = self.probe.losses()?;
        let (programs, maps) = (self.probe.program_costs(), self.probe.map_fills()?);
        let cost = Cost { reading_s: started.elapsed().as_secs_f64(), programs, maps, ..own_cost() };
        Ok(Reading { series, connections, losses, cost })
    }
}

/// CPU time and memory of this process; 0 where /proc does not tell.
fn own_cost() -> Cost {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).ok();
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let cpu_s = usage.map_or(0.0, |usage| seconds(usage.user_time()) + seconds(usage.system_time()));
    let memory_bytes = resident().unwrap_or_default();
    Cost { cpu_s, memory_bytes, ..Cost::default() }
}

fn resident() -> Option<u64> {
    let pages: u64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    Some(pages * u64::try_from(size).ok()?)
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
