//! Whose turn it is on a connection: who has asked is heard again once the answer has gone out.

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

/// How long a peer may read nothing of what is sent to it.
pub(super) const STALL: Duration = Duration::from_secs(10);

/// A connection, as those know it who choose which one has to go.
#[derive(Debug)]
pub(super) struct Turn {
    /// Whose it is.
    pub origin: ScraperOrigin,
    stage: Cell<TurnStage>,
    /// It wants metrics; until they have gone out, it is no idle connection.
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
    /// All of the answer is written, but not all has gone out.
    Leaving,
}

#[derive(Clone, Copy, Debug)]
enum Scraping {
    /// And has nothing yet.
    Waiting,
    Sent {
        since: Instant,
        bytes: u64,
    },
}

/// What a scrape holds until it has gone out.
#[derive(Debug)]
struct Held {
    _seat: Seat,
    rendering: Option<Rc<Rendering>>,
}

impl Turn {
    /// That of a connection that was just made.
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

    /// Waits until the answer before has gone out: so no answers pile up for who asks on and does not read.
    pub async fn begin(&self) {
        while self.stage.get() != TurnStage::Listening {
            self.gone_out.notified().await;
        }
        self.stage.set(TurnStage::Answering);
    }

    /// All of the answer is written.
    pub fn leave(&self) {
        self.stage.set(TurnStage::Leaving);
    }

    /// All that is written has gone out.
    fn settle(&self) {
        if self.stage.get() == TurnStage::Leaving {
            self.stage.set(TurnStage::Listening);
            self.scraping.set(None);
            self.held.take();
            self.gone_out.notify_one();
        }
    }

    /// It waits for a seat, and for what it is sent there.
    pub fn wait(&self) {
        self.scraping.set(Some(Scraping::Waiting));
    }

    /// It goes without a seat.
    pub fn give_up(&self) {
        self.scraping.set(None);
    }

    /// It has a seat.
    pub fn sit(&self, seat: Seat) {
        self.held.replace(Some(Held { _seat: seat, rendering: None }));
    }

    /// It is sent this from now on. It counts as held until all has gone out.
    pub fn hold(&self, rendering: Rc<Rendering>) {
        if let Some(held) = self.held.borrow_mut().as_mut() {
            held.rendering = Some(rendering);
            self.scraping.set(Some(Scraping::Sent { since: Instant::now(), bytes: 0 }));
        }
    }

    /// It has taken so many bytes more.
    fn count(&self, more: usize) {
        if let Some(Scraping::Sent { since, bytes }) = self.scraping.get() {
            self.scraping.set(Some(Scraping::Sent { since, bytes: bytes + more as u64 }));
        }
    }

    pub fn is_idle(&self) -> bool {
        self.scraping.get().is_none() && !self.is_ended.get()
    }

    /// Bytes that it takes a second, once it has been sent metrics for `grace`; none where it has nothing to take, or is told to
    /// go.
    pub fn rate(&self, grace: Duration) -> Option<u64> {
        let Some(Scraping::Sent { since, bytes }) = self.scraping.get() else { return None };
        let elapsed = since.elapsed();
        (elapsed >= grace && !self.is_ended.get()).then(|| bytes / elapsed.as_secs().max(1))
    }

    /// Has it end.
    pub fn end(&self) {
        self.is_ended.set(true);
        self.end.notify_one();
    }

    /// Waits until it is to end.
    pub async fn ended(&self) {
        self.end.notified().await;
    }
}

/// A stream that ends when its peer reads nothing of what is sent to it.
pub(super) struct Patient {
    stream: TcpStream,
    turn: Rc<Turn>,
    /// Runs only while something waits to be sent.
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
            // Else the kernel would keep for minutes what nobody reads. That it fails means there is no connection any more.
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

    /// Whoever writes into it flushes it once nothing is left to be written.
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
