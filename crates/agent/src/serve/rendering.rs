//! Metrics as they are sent. Whoever asks at the same time has the same.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use attribution::{Exposition, Family, pieces};
use hyper::body::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::task::yield_now;

use crate::encoding::Packer;

/// Most bytes that are held for those who read; beyond it the slowest has to go.
pub(super) const HELD_MAX: usize = 24 << 20;

/// How much is written at a stretch before others are heard.
const STRETCH: usize = 64 << 10;

/// Passes of the runtime for which others can join who ask: one accepts them, one begins to serve them, one hears them.
const PASSES: usize = 4;

/// Metrics of one reading in one form. What is held is compressed, whoever reads it: slow readers hold a twentieth so.
#[derive(Debug)]
pub(super) struct Rendering {
    pub packed: Bytes,
    /// Bytes of the text.
    pub length: u64,
    held: Rc<Cell<usize>>,
}

impl Drop for Rendering {
    fn drop(&mut self) {
        self.held.set(self.held.get() - self.packed.len());
    }
}

/// What those have who asked at one time, or why not.
pub(super) type RenderedScrape = Result<Rc<Rendering>, ScrapeRefusal>;

/// Why there are no metrics.
#[derive(Clone, Debug)]
pub(super) enum ScrapeRefusal {
    /// Those who read too slowly left no room.
    Busy,
    /// They cannot be read.
    Failed(String),
}

/// Where metrics are asked for.
#[derive(Debug, Default)]
pub(super) struct Desk {
    asked: RefCell<Vec<(Exposition, oneshot::Sender<RenderedScrape>)>>,
    wanted: Notify,
    held: Rc<Cell<usize>>,
}

impl Desk {
    /// Metrics that are read after this was asked.
    pub async fn ask(&self, form: Exposition) -> RenderedScrape {
        let (sender, receiver) = oneshot::channel();
        self.asked.borrow_mut().push((form, sender));
        self.wanted.notify_one();
        receiver.await.unwrap_or(Err(ScrapeRefusal::Busy))
    }

    /// Waits until somebody asks, and for those who ask at the same time; only these may have what is read from now on.
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

    /// Bytes that are held for those who read.
    pub fn held(&self) -> usize {
        self.held.get()
    }

    /// Writes the families in each form that is wanted.
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
            // Who has gone needs none.
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

/// Those who asked at one time.
pub(super) struct Askers(Vec<(Exposition, oneshot::Sender<RenderedScrape>)>);

impl Askers {
    /// Tells all of them why there is nothing.
    pub fn refuse(self, why: &ScrapeRefusal) {
        for (_, sender) in self.0 {
            sender.send(Err(why.clone())).ok();
        }
    }
}
