use super::{filler, line_of, read_line};

fn check(stream: &[u8], expect: &[Result<u64, std::io::ErrorKind>]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // A buffer of three bytes, so that lines come in pieces.
    let mut reader = tokio::io::BufReader::with_capacity(3, stream);
    let read = || runtime.block_on(read_line(&mut reader)).map_err(|error| error.kind());
    let found: Vec<_> = std::iter::repeat_with(read).take(expect.len()).collect();
    assert_eq!(found, expect, "{:?}", String::from_utf8_lossy(stream));
}

#[test]
fn reads_line_by_line() {
    check(b"", &[Ok(0)]);
    check(b"\n", &[Ok(1), Ok(0)]);
    check(b"one\ntwenty-two\n", &[Ok(4), Ok(11), Ok(0)]);
    check(b"one\ncut", &[Ok(4), Err(std::io::ErrorKind::UnexpectedEof)]);
}

#[test]
fn lines_and_fillers_have_the_length_asked_for() {
    for bytes in [0, 1, 2, 100, 5_000] {
        let line = line_of(bytes);
        assert_eq!(line.len() as u64, bytes.max(1));
        assert_eq!(line.iter().position(|&byte| byte == b'\n'), Some(line.len() - 1));
        assert_eq!(filler(bytes).len() as u64, bytes);
    }
}
