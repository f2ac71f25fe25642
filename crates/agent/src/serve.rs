//! The HTTP endpoint that Prometheus scrapes.

mod answer;
mod peers;
mod rendering;
mod seats;
mod turn;

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use attribution::{Exposition, Family, ReadError};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use hyper::http::{Method, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{LocalSet, yield_now};

use crate::clock::now;
use crate::encoding;
use crate::guard::Guard;
use crate::push::{Notice, Push, PushTally};
use crate::witnesses::Witnesses;
use answer::{Answer, Content};
use peers::Peers;
use rendering::{Desk, HELD_MAX, ScrapeRefusal};
use turn::{Patient, STALL, Turn};

/// How long a scraper may take to send its request, and for the TLS handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the loop wakes up without a signal. It then asks `next` for an order, and frees room held by unanswered
/// DNS queries. Waking up is most of what an idle agent costs.
const GLANCE: Duration = Duration::from_secs(5);

/// How long to wait when there are no file descriptors left.
const RETRY: Duration = Duration::from_secs(1);

/// Number of connections that may wait to be accepted while metrics are read.
const BACKLOG: i32 = 1_024;

/// Sizes in bytes of a connection's buffers in the kernel, for requests and for answers that the peer does not read.
/// The kernel doubles them.
const ASKED_MAX: usize = 16 << 10;
const UNREAD_MAX: usize = 32 << 10;

/// Size in bytes of the buffers for a request and for an answer that is ready to be sent.
const BUFFER_MAX: usize = 16 << 10;

/// An error while starting to serve metrics.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port cannot be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address to listen on.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The runtime cannot be started.
    #[error("cannot start the runtime")]
    Start(#[source] io::Error),
}

/// What is served, to whom, and where it is pushed.
pub struct Serving {
    /// The witnesses whose counters are exported.
    pub witnesses: Witnesses,
    /// The listening socket for scrapers.
    pub listener: std::net::TcpListener,
    /// Decides which scrapers are let in.
    pub guard: Guard,
    /// Where metrics are pushed; `None` if they are only scraped.
    pub push: Option<Push>,
}

/// What the server does next.
pub enum ScrapeOrder {
    /// Continue.
    GoOn,
    /// Use another guard for new connections. Existing connections stay.
    Renew(Guard),
    /// Stop.
    End,
}

/// Opens the socket for [`serve`].
///
/// # Errors
///
/// Returns an error if the address cannot be used.
pub fn listen(address: SocketAddr) -> Result<std::net::TcpListener, ServeError> {
    let listen = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        // Accepted connections inherit these options.
        socket.set_recv_buffer_size(ASKED_MAX)?;
        socket.set_send_buffer_size(UNREAD_MAX)?;
        socket.set_tcp_user_timeout(Some(STALL))?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    listen().map_err(|source| ServeError::Listen { address, source })
}

/// Serves `/metrics` and `/healthz` until `next` orders to end. `/healthz` needs no token.
///
/// Every scrape and every push reads the kernel's counters anew. Between them, only unanswered DNS queries are removed.
/// `tell` is called with events of pushing.
///
/// # Errors
///
/// Returns an error if serving cannot start. Later errors are answered to the scraper.
pub fn serve(service: Serving, mut next: impl FnMut() -> ScrapeOrder, tell: impl Fn(Notice)) -> Result<(), ServeError> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(ServeError::Start)?;
    let Serving { witnesses, listener, guard, push } = service;
    let (peers, desk) = (Peers::default(), Desk::default());
    let (witnesses, guard) = (RefCell::new(witnesses), RefCell::new(guard));
    let exporter = Rc::new(Exporter { witnesses, guard, tally: PushTally::default(), peers, desk });
    let served = LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::from_std(listener).map_err(ServeError::Start)?;
        let mut accepting = pin!(accept_all(&listener, &exporter));
        let mut reading = pin!(exporter.read_all());
        let read = || exporter.families();
        let mut pushing = pin!(crate::push::push_all(push.as_ref(), &exporter.tally, read, tell));
        // Signals only end the wait below. `next` decides what they mean.
        let heed = |kind| signal(kind).map_err(ServeError::Start);
        let (mut interrupt, mut terminate) = (heed(SignalKind::interrupt())?, heed(SignalKind::terminate())?);
        let mut hangup = heed(SignalKind::hangup())?;
        loop {
            match next() {
                ScrapeOrder::GoOn => {}
                ScrapeOrder::Renew(guard) => drop(exporter.guard.replace(guard)),
                ScrapeOrder::End => return Ok(()),
            }
            tokio::select! {
                () = &mut accepting => {}
                () = &mut reading => {}
                () = &mut pushing => {}
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
                () = tokio::time::sleep(GLANCE) => exporter.witnesses.borrow().tidy(),
            }
        }
    });
    // A name lookup for the receiver may block a thread for minutes. Do not wait for it.
    runtime.shutdown_background();
    served
}

/// Accepts connections for ever.
async fn accept_all(listener: &TcpListener, exporter: &Rc<Exporter>) {
    loop {
        // The only likely error is a lack of file descriptors, which passes with time.
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        tokio::task::spawn_local(welcome(stream, exporter.peers.welcome(peer.ip().into()), Rc::clone(exporter)));
    }
}

/// Serves one connection until it ends or has to make room for others. Its errors concern only its scraper.
async fn welcome(stream: TcpStream, turn: Rc<Turn>, exporter: Rc<Exporter>) {
    let tls = exporter.guard.borrow().tls().cloned();
    let stream = Patient::new(stream, Rc::clone(&turn));
    let answering = async {
        match tls {
            None => answer_all(stream, &turn, &exporter).await,
            Some(tls) => {
                if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                    answer_all(stream, &turn, &exporter).await;
                }
            }
        }
    };
    tokio::select! {
        () = answering => {}
        () = turn.ended() => {}
    }
}

async fn answer_all(stream: impl AsyncRead + AsyncWrite + Unpin, turn: &Rc<Turn>, exporter: &Exporter) {
    let answer = service_fn(|request| async move {
        turn.begin().await;
        let answer = exporter.answer(&request, turn).await;
        Ok::<_, Infallible>(answer.map(|content| Answer { content, turn: Rc::clone(turn) }))
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(BUFFER_MAX);
    // A scraper that has closed its sending side may still read the answer.
    builder.half_close(true);
    builder.serve_connection(TokioIo::new(stream), answer).await.ok();
}

struct Exporter {
    witnesses: RefCell<Witnesses>,
    guard: RefCell<Guard>,
    tally: PushTally,
    peers: Peers,
    desk: Desk,
}

impl Exporter {
    async fn answer(&self, request: &Request<Incoming>, turn: &Turn) -> Response<Content> {
        match (request.method(), request.uri().path()) {
            // For HEAD, the HTTP library leaves out the body.
            (&(Method::GET | Method::HEAD), "/healthz") => plain(StatusCode::OK, "ok\n".to_owned()),
            _ if !self.guard.borrow().admits(request.headers()) => unauthorized(),
            (&(Method::GET | Method::HEAD), "/metrics") => {
                let listed = |name| request.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
                let form = Exposition::negotiated(listed(ACCEPT));
                self.scrape(turn, form, encoding::takes_gzip(listed(ACCEPT_ENCODING))).await
            }
            (&(Method::GET | Method::HEAD), "/") => plain(StatusCode::OK, "metrics are at /metrics\n".to_owned()),
            (&(Method::GET | Method::HEAD), _) => plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned()),
            _ => {
                let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "use GET or HEAD\n".to_owned());
                refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                refusal
            }
        }
    }

    async fn scrape(&self, turn: &Turn, form: Exposition, is_compressed: bool) -> Response<Content> {
        if !self.peers.seat(turn).await {
            return busy();
        }
        let rendering = match self.desk.ask(form).await {
            Ok(rendering) => rendering,
            Err(ScrapeRefusal::Busy) => return busy(),
            Err(ScrapeRefusal::Failed(why)) => return plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")),
        };
        let mut response = Response::new(Content::of(&rendering, is_compressed));
        turn.hold(rendering);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, form.content_type().parse().expect("it is a header's value"));
        headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
        if is_compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    /// Reads metrics for waiting scrapers, for ever.
    async fn read_all(&self) {
        loop {
            let asked = self.desk.wait().await;
            if !self.make_room().await {
                asked.refuse(&ScrapeRefusal::Busy);
                continue;
            }
            match self.families() {
                Ok(families) => self.desk.answer(asked, &families).await,
                Err(error) => asked.refuse(&ScrapeRefusal::Failed(error.to_string())),
            }
        }
    }

    /// Makes room for one more rendering by ending the slowest scrapes. Returns false if there is still no room. Every
    /// scrape that can be ended has been reading for seconds.
    async fn make_room(&self) -> bool {
        while self.desk.held() > HELD_MAX {
            if !self.peers.end_slowest(u64::MAX) {
                return false;
            }
            // An ended connection frees its rendering only when its task runs.
            yield_now().await;
        }
        true
    }

    fn families(&self) -> Result<Vec<Family>, ReadError> {
        let families = self.witnesses.borrow_mut().families(now())?;
        Ok(families.into_iter().chain(self.tally.families()).collect())
    }
}

fn busy() -> Response<Content> {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "too many concurrent scrapes\n".to_owned());
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn unauthorized() -> Response<Content> {
    let mut response = plain(StatusCode::UNAUTHORIZED, "send the token: `Authorization: Bearer ...`\n".to_owned());
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn plain(status: StatusCode, text: String) -> Response<Content> {
    let mut response = Response::new(Content::Whole(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
