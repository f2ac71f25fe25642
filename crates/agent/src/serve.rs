//! The endpoint that Prometheus scrapes.

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

/// How long a scraper may take to ask, and to agree on TLS.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often an order is looked for that no signal announces, and DNS queries without an answer make room for others. Waking
/// up is most of what an idle agent costs.
const GLANCE: Duration = Duration::from_secs(5);

/// How long to wait for a descriptor.
const RETRY: Duration = Duration::from_secs(1);

/// Connections that may wait to be accepted, as they do while metrics are read.
const BACKLOG: i32 = 1_024;

/// Bytes that the kernel may keep of what a peer asks and of what it does not read; the kernel takes twice as many.
const ASKED_MAX: usize = 16 << 10;
const UNREAD_MAX: usize = 32 << 10;

/// Bytes of a question, and of an answer that are ready to be sent.
const BUFFER_MAX: usize = 16 << 10;

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
pub struct Serving {
    /// What sees.
    pub witnesses: Witnesses,
    /// Where scrapers ask.
    pub listener: std::net::TcpListener,
    /// Who may.
    pub guard: Guard,
    /// Who is told without asking.
    pub push: Option<Push>,
}

/// What to do next.
pub enum ScrapeOrder {
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
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        // Connections inherit all of this.
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

/// Serves `/metrics` and `/healthz` until it is ordered to end; the latter needs no token. Every scrape and every push
/// reads the kernel's counters anew; between them only DNS queries without an answer are looked
/// for. What pushing meets is told to `tell`.
///
/// # Errors
///
/// Before it serves only.
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
        // They only wake it up: what they mean is for `next` to say.
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
    // A receiver's name may be asked for in vain for minutes.
    runtime.shutdown_background();
    served
}

/// Accepts for ever.
async fn accept_all(listener: &TcpListener, exporter: &Rc<Exporter>) {
    loop {
        // The error is a want of descriptors, which only time cures.
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        tokio::task::spawn_local(welcome(stream, exporter.peers.welcome(peer.ip().into()), Rc::clone(exporter)));
    }
}

/// How a scraper's connection ends is its own affair.
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
    // Who has nothing more to ask may still read.
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
            // What is asked for with HEAD has the same head; who serves leaves its body out.
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
                let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "ask with GET\n".to_owned());
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

    /// Reads for those who ask, for ever.
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

    /// Whether there is room for one rendering more, once those who are slowest have gone: whoever still reads has been at it for
    /// seconds.
    async fn make_room(&self) -> bool {
        while self.desk.held() > HELD_MAX {
            if !self.peers.end_slowest(u64::MAX) {
                return false;
            }
            // It goes when it is called.
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
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "too many scrapes at a time\n".to_owned());
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn unauthorized() -> Response<Content> {
    let mut response = plain(StatusCode::UNAUTHORIZED, "bring the token: `Authorization: Bearer ...`\n".to_owned());
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn plain(status: StatusCode, text: String) -> Response<Content> {
    let mut response = Response::new(Content::Whole(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
