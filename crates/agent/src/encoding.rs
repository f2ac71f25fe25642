//! Compression of answers for scrapers that accept it (RFC 9110, section 12.5.3).

use std::io::{Cursor, Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use hyper::body::Bytes;

/// Returns whether one of these `Accept-Encoding` lines accepts gzip.
pub(crate) fn takes_gzip<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let mut codings = lines.flat_map(|line| line.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f64>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// Compresses a text at gzip's fastest level. Labels repeat so much that a better level would save little more.
pub(crate) struct Packer(GzEncoder<Vec<u8>>);

impl Default for Packer {
    fn default() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::fast()))
    }
}

impl Packer {
    /// Adds to the text.
    pub fn add(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).expect("memory takes all that is written");
    }

    /// Returns the compressed text.
    pub fn packed(self) -> Vec<u8> {
        let mut packed = self.0.finish().expect("memory takes all that is written");
        packed.shrink_to_fit();
        packed
    }
}

/// Decompresses what a [`Packer`] has compressed, piece by piece.
pub(crate) struct Unpacker(GzDecoder<Cursor<Bytes>>);

impl Unpacker {
    /// Starts at the beginning of the text.
    pub fn new(packed: Bytes) -> Self {
        Self(GzDecoder::new(Cursor::new(packed)))
    }

    /// Returns the next `length` bytes of the text, which must have that many left.
    pub fn next(&mut self, length: usize) -> Bytes {
        let mut piece = vec![0; length];
        self.0.read_exact(&mut piece).expect("it is as it was packed");
        piece.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_gzip() {
        for (lines, takes) in [
            (&["gzip"][..], true),
            (&["deflate, GZIP;q=0.5"], true),
            (&["br", "gzip"], true),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.0, br"], false),
            (&["identity"], false),
            (&[], false),
        ] {
            assert_eq!(takes_gzip(lines.iter().copied()), takes, "{lines:?}");
        }
    }

    #[test]
    fn what_is_packed_is_small_and_is_what_was_told() {
        let told = "istio_tcp_sent_bytes_total{a=\"b\"} 1\n".repeat(1_000);
        let mut packer = Packer::default();
        told.split_inclusive('\n').for_each(|line| packer.add(line));
        let packed = Bytes::from(packer.packed());
        assert!(packed.len() * 20 < told.len(), "{} bytes", packed.len());
        let mut unpacker = Unpacker::new(packed);
        let read = [1, 999, told.len() - 1_000].map(|length| unpacker.next(length));
        assert_eq!(read.concat(), told.as_bytes());
    }
}
