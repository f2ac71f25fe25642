use proptest::prelude::*;

use super::*;

/// Gives its bytes in pieces of at most `piece` bytes.
struct Drip<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.piece.min(buffer.len()).min(self.bytes.len());
        buffer[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}

/// The same result however the bytes are cut.
fn check(text: &str, expected: Result<(u16, bool), RequestOutcome>) {
    for piece in [1, 2, 7, 100_000] {
        let answer = read_answer(&mut Inflow::default(), &mut Drip { bytes: text.as_bytes(), piece });
        let told = answer.map(|answer| (answer.status, answer.reusable));
        // Whether bytes beyond the end are seen depends on the cut; whole, they always are.
        if piece == 100_000 || !text.contains("EXTRA") {
            assert_eq!(told, expected, "{text:?} in pieces of {piece}");
        }
    }
}

#[test]
fn bodies_end_where_the_rfc_says() {
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Ok((200, true)));
    check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Ok((200, true)));
    check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nConnection: x, Close\r\n\r\nhello", Ok((200, false)));
    check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloEXTRA", Ok((200, false)));
    check("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx", Ok((200, false)));
    check("HTTP/1.0 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\nx", Ok((200, true)));
    check("HTTP/1.1 200 OK\r\n\r\nuntil the end", Ok((200, false)));
    check("HTTP/1.1 204 No Content\r\n\r\n", Ok((204, true)));
    check("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", Ok((304, true)));
    check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nno", Ok((503, true)));
}

#[test]
fn chunks_are_read_to_the_last() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n";
    check(&format!("{head}5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"), Ok((200, true)));
    check(&format!("{head}1\r\nx\r\n0\r\ntrailer: y\r\n\r\n"), Ok((200, true)));
    check(&format!("{head}5\r\nhelloX\r\n0\r\n\r\n"), Err(RequestOutcome::BadAnswer));
    check(&format!("{head}zz\r\n"), Err(RequestOutcome::BadAnswer));
    check(&format!("{head}5\r\nhello\r\n"), Err(RequestOutcome::Closed));
}

#[test]
fn half_an_answer_is_none() {
    check("", Err(RequestOutcome::Closed));
    check("HTTP/1.1 200 OK\r\ncontent-le", Err(RequestOutcome::Closed));
    check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", Err(RequestOutcome::Closed));
    check("SSH-2.0-OpenSSH\r\n\r\n", Err(RequestOutcome::BadAnswer));
    check("HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello", Err(RequestOutcome::BadAnswer));
}

/// As curl and browsers take them; what is larger than any of these take is bad.
#[test]
fn large_heads_are_read() {
    let answer = |fields: String| {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}content-length: 2\r\n\r\nok");
        read_answer(&mut Inflow::default(), &mut Drip { bytes: text.as_bytes(), piece: 5_000 })
    };
    let good = Ok(HttpAnswer { status: 200, reusable: true });
    assert_eq!(answer(format!("x: {}\r\n", "y".repeat(70_000))), good);
    assert_eq!(answer(format!("x: {}\r\n", "y".repeat(300_000))), good);
    assert_eq!(answer("x: y\r\n".repeat(130)), good);
    assert_eq!(answer("x: y\r\n".repeat(4_999)), good);
    assert_eq!(answer(format!("x: {}\r\n", "y".repeat(600_000))), Err(RequestOutcome::BadAnswer));
    assert_eq!(answer("x: y\r\n".repeat(5_000)), Err(RequestOutcome::BadAnswer));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1..50usize) {
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".as_slice();
        for bytes in [bytes.clone(), [head, &bytes].concat()] {
            let answer = read_answer(&mut Inflow::default(), &mut Drip { bytes: &bytes, piece });
            prop_assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status >= 200));
        }
    }
}
