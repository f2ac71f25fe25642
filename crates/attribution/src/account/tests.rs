use std::cell::RefCell;
use std::rc::Rc;

use super::*;

/// A fake kernel witness, which returns the counters that it was given.
#[derive(Debug)]
pub struct Scripted<K: Accounted> {
    series: Rc<RefCell<KeyedSeries<K>>>,
    losses: K::Losses,
}

impl<K: Accounted> Default for Scripted<K> {
    fn default() -> Self {
        Self { series: Rc::default(), losses: K::Losses::default() }
    }
}

impl<K: Accounted> Clone for Scripted<K> {
    fn clone(&self) -> Self {
        Self { series: Rc::clone(&self.series), losses: self.losses }
    }
}

impl<K: Accounted> Scripted<K> {
    /// Creates a witness with these counters and losses.
    pub fn with(series: KeyedSeries<K>, losses: K::Losses) -> Self {
        Self { series: Rc::new(RefCell::new(series)), losses }
    }

    /// Replaces the witness's counters.
    pub fn tell(&self, series: &[(K, K::Series)]) {
        *self.series.borrow_mut() = series.to_vec();
    }
}

impl<K: Accounted> Counting<K> for Scripted<K> {
    fn series(&self) -> Result<KeyedSeries<K>, ReadError> {
        Ok(self.series.borrow().clone())
    }

    fn losses(&self) -> Result<K::Losses, ReadError> {
        Ok(self.losses)
    }

    fn forget(&self, is_gone: &dyn Fn(&K) -> bool) -> Result<KeyedSeries<K>, ReadError> {
        let (gone, stays) = self.series.take().into_iter().partition(|(key, _)| is_gone(key));
        *self.series.borrow_mut() = stays;
        Ok(gone)
    }

    fn programs(&self) -> Vec<ProgramCost> {
        Vec::new()
    }

    fn maps(&self) -> Result<Vec<MapFill>, ReadError> {
        Ok(Vec::new())
    }

    fn tidy(&self) {}
}
