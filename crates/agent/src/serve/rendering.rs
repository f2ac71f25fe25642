//! Renderings of metrics. Scrapers that ask at the same time share one.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use attribution::{Exposition, Family, pieces};
use hyper::body::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::task::yield_now;

use crate::encoding::Packer;

/// Maximum number of bytes held for readers. Beyond it, the slowest scrape is ended.
pub(super) const HELD_MAX: usize = 24 << 20;

/// Number of bytes that are rendered before other tasks run.
const STRETCH: usize = 64 << 10;

/// Passes of the runtime in which other scrapers can join. One pass accepts them, one starts to serve them, and one
/// reads their requests.
const PASSES: usize = 4;

/// Metrics of one reading in one format. It is held compressed for all readers, so that slow readers hold a twentieth
/// of the text's size.
#[derive(Debug)]
pub(super) struct Rendering {
    pub packed: Bytes,
    /// Length of the text in bytes.
    pub length: u64,
    held: Rc<Cell<usize>>,
}

impl Drop for Rendering {
    fn drop(&mut self) {
        self.held.set(self.held.get() - self.packed.len());
    }
}

/// The rendering for scrapers that asked together, or why there is none.
pub(super) type RenderedScrape = Result<Rc<Rendering>, ScrapeRefusal>;

/// Why a scrape gets no metrics.
#[derive(Clone, Debug)]
pub(super) enum ScrapeRefusal {
    /// Slow readers left no room.
    Busy,
    /// The metrics cannot be read.
    Failed(String),
}

/// Where scrapes wait for the next reading.
#[derive(Debug, Default)]
pub(super) struct Desk {
    asked: RefCell<Vec<(Exposition, oneshot::Sender<RenderedScrape>)>>,
    wanted: Notify,
    held: Rc<Cell<usize>>,
}

impl Desk {
    /// Waits for metrics that are read after this call.
    pub async fn ask(&self, form: Exposition) -> RenderedScrape {
        let (sender, receiver) = oneshot::channel();
        self.asked.borrow_mut().push((form, sender));
        self.wanted.notify_one();
        receiver.await.unwrap_or(Err(ScrapeRefusal::Busy))
    }

    /// Waits until somebody asks, and lets others who ask at the same time join. Those who ask later need another
    /// reading, because a scrape must not get older metrics.
    pub async fn wait(&self) -> Askers {
        loop {
            self.wanted.notified().await;
            for _ in 0..PASSES {
                yield_now().await;
            }
            let mut asked = Askers(self.asked.take());
            asked.0.retain(|(_, sender)| !sender.is_closed());
            if !asked.0.is_empty() {
                return asked;
            }
        }
    }

    /// Returns the number of bytes held for readers.
    pub fn held(&self) -> usize {
        self.held.get()
    }

    /// Renders the families once in each format that is asked for, and sends the renderings.
    pub async fn answer(&self, asked: Askers, families: &[Family]) {
        let mut rendered = HashMap::new();
        for (form, sender) in asked.0 {
            let rendering = match rendered.get(&form) {
                Some(rendering) => Rc::clone(rendering),
                None => {
                    let rendering = Rc::new(self.render(families, form).await);
                    rendered.insert(form, Rc::clone(&rendering));
                    rendering
                }
            };
            // The scraper may have gone.
            sender.send(Ok(rendering)).ok();
        }
    }

    async fn render(&self, families: &[Family], form: Exposition) -> Rendering {
        let (mut packer, mut length, mut stretch) = (Packer::default(), 0, 0);
        for piece in pieces(families, form) {
            packer.add(&piece);
            length += piece.len() as u64;
            stretch += piece.len();
            if stretch > STRETCH {
                stretch = 0;
                yield_now().await;
            }
        }
        let packed = Bytes::from(packer.packed());
        self.held.set(self.held.get() + packed.len());
        Rendering { packed, length, held: Rc::clone(&self.held) }
    }
}

/// Scrapers that asked together.
pub(super) struct Askers(Vec<(Exposition, oneshot::Sender<RenderedScrape>)>);

impl Askers {
    /// Tells all of them why there are no metrics.
    pub fn refuse(self, why: &ScrapeRefusal) {
        for (_, sender) in self.0 {
            sender.send(Err(why.clone())).ok();
        }
    }
}
