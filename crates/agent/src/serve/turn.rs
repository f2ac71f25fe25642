//! Turns of a connection: its next request is read only after the answer before has been sent.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Sleep;

use super::rendering::Rendering;
use super::seats::{ScraperOrigin, Seat};

/// How long a peer may leave the data sent to it unread.
pub(super) const STALL: Duration = Duration::from_secs(10);

/// State of a connection, from which [`super::peers`] chooses a connection to end.
#[derive(Debug)]
pub(super) struct Turn {
    /// Origin of the connection.
    pub origin: ScraperOrigin,
    stage: Cell<TurnStage>,
    /// Set while the connection scrapes metrics. A connection is idle until then and after all was sent.
    scraping: Cell<Option<Scraping>>,
    held: RefCell<Option<Held>>,
    gone_out: Notify,
    is_ended: Cell<bool>,
    end: Notify,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum TurnStage {
    #[default]
    Listening,
    Answering,
    /// The answer is written, but not all of it has been sent.
    Leaving,
}

#[derive(Clone, Copy, Debug)]
enum Scraping {
    /// The scrape waits for a seat or for metrics.
    Waiting,
    /// The answer is being sent.
    Sent { since: Instant, bytes: u64 },
}

/// What a scrape holds until its answer has been sent.
#[derive(Debug)]
struct Held {
    _seat: Seat,
    rendering: Option<Rc<Rendering>>,
}

impl Turn {
    /// Creates the state of a new connection.
    pub fn new(origin: ScraperOrigin) -> Self {
        Self {
            origin,
            stage: Cell::default(),
            scraping: Cell::default(),
            held: RefCell::default(),
            gone_out: Notify::new(),
            is_ended: Cell::default(),
            end: Notify::new(),
        }
    }

    /// Waits until the answer before has been sent, so that no answers pile up for a peer that asks but does not read.
    pub async fn begin(&self) {
        while self.stage.get() != TurnStage::Listening {
            self.gone_out.notified().await;
        }
        self.stage.set(TurnStage::Answering);
    }

    /// Records that the whole answer is written.
    pub fn leave(&self) {
        self.stage.set(TurnStage::Leaving);
    }

    /// Records that everything written has been sent.
    fn settle(&self) {
        if self.stage.get() == TurnStage::Leaving {
            self.stage.set(TurnStage::Listening);
            self.scraping.set(None);
            self.held.take();
            self.gone_out.notify_one();
        }
    }

    /// Records that the connection waits for a seat and for metrics.
    pub fn wait(&self) {
        self.scraping.set(Some(Scraping::Waiting));
    }

    /// Records that the connection got no seat.
    pub fn give_up(&self) {
        self.scraping.set(None);
    }

    /// Records that the connection has this seat.
    pub fn sit(&self, seat: Seat) {
        self.held.replace(Some(Held { _seat: seat, rendering: None }));
    }

    /// Records that this rendering is being sent. It counts as held until everything has been sent.
    pub fn hold(&self, rendering: Rc<Rendering>) {
        if let Some(held) = self.held.borrow_mut().as_mut() {
            held.rendering = Some(rendering);
            self.scraping.set(Some(Scraping::Sent { since: Instant::now(), bytes: 0 }));
        }
    }

    /// Records that the peer has taken `more` bytes.
    fn count(&self, more: usize) {
        if let Some(Scraping::Sent { since, bytes }) = self.scraping.get() {
            self.scraping.set(Some(Scraping::Sent { since, bytes: bytes + more as u64 }));
        }
    }

    pub fn is_idle(&self) -> bool {
        self.scraping.get().is_none() && !self.is_ended.get()
    }

    /// Returns the bytes per second that the peer takes, once it has been sent metrics for `grace`. Returns `None`
    /// before that, if nothing is being sent, or if the connection is ending.
    pub fn rate(&self, grace: Duration) -> Option<u64> {
        let Some(Scraping::Sent { since, bytes }) = self.scraping.get() else { return None };
        let elapsed = since.elapsed();
        (elapsed >= grace && !self.is_ended.get()).then(|| bytes / elapsed.as_secs().max(1))
    }

    /// Tells the connection to end.
    pub fn end(&self) {
        self.is_ended.set(true);
        self.end.notify_one();
    }

    /// Waits until the connection is told to end.
    pub async fn ended(&self) {
        self.end.notified().await;
    }
}

/// A TCP stream that ends if the peer stops reading.
pub(super) struct Patient {
    stream: TcpStream,
    turn: Rc<Turn>,
    /// Timer that runs only while data waits to be sent.
    stall: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub fn new(stream: TcpStream, turn: Rc<Turn>) -> Self {
        Self { stream, turn, stall: None }
    }

    fn watch(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = written {
            self.stall = None;
            self.turn.count(*written.as_ref().unwrap_or(&0));
            return Poll::Ready(written);
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL)));
        stall.as_mut().poll(context).map(|()| {
            self.turn.end();
            Err(io::ErrorKind::TimedOut.into())
        })
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        if self.turn.is_ended.get() {
            // Without this, the kernel would hold the unread data for minutes. An error means that the connection is
            // already closed.
            self.stream.set_zero_linger().ok();
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context, buffer: &mut ReadBuf) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context,
        bytes: &[IoSlice],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.watch(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// A flush that is ready means that everything written has been sent.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.turn.settle();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
