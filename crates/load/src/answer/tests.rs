use proptest::prelude::*;

use super::*;

/// Reads an answer whose bytes arrive in pieces of at most `piece` bytes, after which the peer closes.
fn read(bytes: &[u8], piece: usize) -> Result<HttpAnswer, RequestOutcome> {
    let mut reader = AnswerReader::default();
    for piece in bytes.chunks(piece) {
        if let Some((answer, used)) = reader.take(piece)? {
            return Ok(HttpAnswer { reusable: answer.reusable && used == piece.len(), ..answer });
        }
    }
    reader.close()
}

/// The same result however the bytes are cut.
fn check(text: &str, expected: Result<(u16, bool), RequestOutcome>) {
    for piece in [1, 2, 7, 100_000] {
        let answer = read(text.as_bytes(), piece);
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

/// Every byte is counted, as part of a head or of a body.
#[test]
fn bytes_are_those_of_the_wire() {
    let check = |text: &str, head_bytes, body_bytes| {
        for piece in [1, 3, 100_000] {
            let answer = read(text.as_bytes(), piece).unwrap();
            assert_eq!((answer.head_bytes, answer.body_bytes), (head_bytes, body_bytes), "{text:?}");
            assert_eq!(head_bytes + body_bytes, text.len() as u64);
        }
    };
    check("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 38, 5);
    check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 52, 0);
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: y\r\n\r\n", 47, 18);
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
        read(text.as_bytes(), 5_000).map(|answer| (answer.status, answer.reusable))
    };
    let good = Ok((200, true));
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
            let answer = read(&bytes, piece);
            prop_assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status >= 200));
        }
    }
}
