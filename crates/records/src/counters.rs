//! Counters that BPF programs keep: structures of 64-bit words, each of which only grows.
//!
//! Each structure is declared once, with [`counters!`]. The build of `probe` makes its C structure from that, and the
//! export of metrics goes through the counters by name.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One counter of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Name of the counter, here and in C.
    pub name: &'static str,
    /// What the counter counts: one sentence, which is also the metric's HELP text.
    pub about: &'static str,
    /// Number of words. More than one word is a histogram, or counts by kind.
    pub words: usize,
}

/// A structure of counters.
pub trait Counters: Copy + Default + PartialEq + FromBytes + IntoBytes + Immutable + KnownLayout + 'static {
    /// Name of the structure in C.
    const STRUCTURE: &'static str;

    /// The structure's counters, in order.
    const COUNTERS: &'static [Counter];

    /// Returns what was added since `before`, word by word. A word that has fallen counts as unchanged.
    #[must_use]
    fn since(&self, before: &Self) -> Self {
        self.with(before, u64::saturating_sub)
    }

    /// Returns the sum of both, word by word.
    #[must_use]
    fn plus(&self, more: &Self) -> Self {
        self.with(more, u64::wrapping_add)
    }

    /// Joins two structures word by word.
    #[must_use]
    fn with(&self, other: &Self, join: fn(u64, u64) -> u64) -> Self {
        let mut joined = *self;
        let words = <[u64]>::mut_from_bytes(joined.as_mut_bytes()).expect("counters are words");
        words.iter_mut().zip(other.words()).for_each(|(word, other)| *word = join(*word, *other));
        joined
    }

    /// Returns all words.
    fn words(&self) -> &[u64] {
        <[u64]>::ref_from_bytes(self.as_bytes()).expect("counters are words")
    }

    /// Returns each counter with its words.
    fn each(&self) -> impl Iterator<Item = (Counter, &[u64])> {
        Self::COUNTERS.iter().scan(self.words(), |rest, counter| {
            let (words, more) = rest.split_at(counter.words);
            *rest = more;
            Some((*counter, words))
        })
    }
}

impl Counters for u64 {
    const STRUCTURE: &'static str = "series";
    const COUNTERS: &'static [Counter] = &[Counter { name: "count", about: " Number of events.", words: 1 }];
}

/// Declares structures of counters: `pub struct Name as "name_in_c" { /// What it counts. pub field: u64, … }`. The
/// first line of a counter's comment becomes its sentence.
macro_rules! counters {
    ($(
        $(#[doc = $about_all:literal])*
        pub struct $name:ident as $c:literal {
            $(#[doc = $about:literal] $(#[doc = $more:literal])* pub $field:ident: $words:ty,)*
        }
    )*) => {$(
        $(#[doc = $about_all])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize,
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
        )]
        #[repr(C)]
        pub struct $name {
            $(#[doc = $about] $(#[doc = $more])* pub $field: $words,)*
        }

        impl $crate::counters::Counters for $name {
            const STRUCTURE: &'static str = $c;
            const COUNTERS: &'static [$crate::counters::Counter] = &[$($crate::counters::Counter {
                name: stringify!($field),
                about: $about,
                words: size_of::<$words>() / size_of::<u64>(),
            },)*];
        }
    )*};
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::udp::UdpSeries;

    #[test]
    fn counters_go_by_their_names_and_their_words() {
        let before = UdpSeries { sent: 3, failed: 5, ..UdpSeries::default() };
        let now = UdpSeries { sent: 4, sent_bytes: 10, failed: 4, ..UdpSeries::default() };
        assert_eq!(now.since(&before), UdpSeries { sent: 1, sent_bytes: 10, ..UdpSeries::default() });
        assert_eq!(before.plus(&now), UdpSeries { sent: 7, sent_bytes: 10, failed: 9, ..UdpSeries::default() });
        let told: Vec<(&str, &[u64])> = now.each().map(|(counter, words)| (counter.name, words)).take(3).collect();
        assert_eq!(told, [("sent", &[4][..]), ("sent_bytes", &[10]), ("received", &[0])]);
    }
}
