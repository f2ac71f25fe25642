//! Answers in fewer bytes, for those who take them so (RFC 9110, section 12.5.3).

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Whether one of the lines of `Accept-Encoding` takes gzip.
pub(crate) fn takes_gzip<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let mut codings = lines.flat_map(|line| line.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f64>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// The text in gzip's fastest form: labels repeat themselves so much that the smallest would save little more.
pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("memory takes all that is written")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

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
    fn what_is_compressed_is_what_was_told() {
        let told = "istio_tcp_sent_bytes_total{a=\"b\"} 1\n".repeat(1_000);
        let compressed = gzip(&told);
        let mut read = String::new();
        flate2::read::GzDecoder::new(&compressed[..]).read_to_string(&mut read).unwrap();
        assert_eq!(read, told);
        assert!(compressed.len() * 20 < told.len(), "{} bytes", compressed.len());
    }
}
