//! Reading an HTTP/1.1 answer whole: RFC 9112, sections 6.3 (length of the body) and 7.1 (chunks).

use std::io::Read;

use httparse::{EMPTY_HEADER, Header, Response, Status};

use crate::RequestOutcome;
use crate::inflow::Inflow;

/// As many fields as most answers have at most.
const FIELDS: usize = 128;
/// More fields than this make an answer bad, as they do for curl.
const FIELDS_MAX: usize = 5_000;

/// An answer that was read to its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    /// The connection can carry another request.
    pub(crate) reusable: bool,
}

/// What the header section says about the rest.
#[derive(Clone, Copy)]
struct HttpHead {
    answer: HttpAnswer,
    body: Body,
}

/// Where a body ends.
#[derive(Clone, Copy)]
enum Body {
    Length(u64),
    Chunked,
    UntilClose,
}

/// Reads the answer to a GET.
///
/// # Errors
///
/// The outcome that stands for what went wrong; [`RequestOutcome::Closed`] if the peer closed before the last byte.
pub(crate) fn read_answer(inflow: &mut Inflow, connection: &mut impl Read) -> Result<HttpAnswer, RequestOutcome> {
    let head = loop {
        let head = read_head(inflow, connection)?;
        // Interim answers such as 100 and 103 precede the one that counts.
        if head.answer.status >= 200 {
            break head;
        }
    };
    match head.body {
        Body::Length(length) => skip(inflow, connection, length)?,
        Body::Chunked => skip_chunks(inflow, connection)?,
        Body::UntilClose => while_open(inflow, connection)?,
    }
    // Bytes after the end belong to no request of ours: nothing that follows on this connection could be trusted.
    Ok(HttpAnswer { reusable: head.answer.reusable && inflow.is_empty(), ..head.answer })
}

fn read_head(inflow: &mut Inflow, connection: &mut impl Read) -> Result<HttpHead, RequestOutcome> {
    loop {
        if let Some((length, head)) = parse_head(inflow.bytes())? {
            inflow.consume(length);
            return Ok(head);
        }
        more(inflow, connection)?;
    }
}

/// Length of the header section and what it says; none while it is incomplete.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, HttpHead)>, RequestOutcome> {
    let mut fields = [EMPTY_HEADER; FIELDS];
    let mut response = Response::new(&mut fields);
    match response.parse(bytes) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut fields = vec![EMPTY_HEADER; FIELDS_MAX];
            let mut response = Response::new(&mut fields);
            let parsed = response.parse(bytes);
            head_of(parsed, &response)
        }
        parsed => head_of(parsed, &response),
    }
}

fn head_of(parsed: httparse::Result<usize>, response: &Response) -> Result<Option<(usize, HttpHead)>, RequestOutcome> {
    let Status::Complete(length) = parsed.map_err(|_| RequestOutcome::BadAnswer)? else { return Ok(None) };
    let status = response.code.ok_or(RequestOutcome::BadAnswer)?;
    let body = body(status, response.headers)?;
    let stays = if response.version == Some(1) {
        !lists(response.headers, "connection", "close")
    } else {
        lists(response.headers, "connection", "keep-alive")
    };
    let reusable = stays && !matches!(body, Body::UntilClose);
    Ok(Some((length, HttpHead { answer: HttpAnswer { status, reusable }, body })))
}

fn body(status: u16, fields: &[Header]) -> Result<Body, RequestOutcome> {
    if matches!(status, 100..200 | 204 | 304) {
        return Ok(Body::Length(0));
    }
    if field(fields, "transfer-encoding").is_some() {
        let chunked = lists(fields, "transfer-encoding", "chunked");
        return Ok(if chunked { Body::Chunked } else { Body::UntilClose });
    }
    match field(fields, "content-length") {
        None => Ok(Body::UntilClose),
        Some(length) => {
            let digits = length.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(length).ok().filter(|_| digits).and_then(|text| text.parse().ok());
            length.map(Body::Length).ok_or(RequestOutcome::BadAnswer)
        }
    }
}

fn field<'a>(fields: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.trim_ascii())
}

/// Whether a comma-separated field, in any of its lines, has that item.
fn lists(fields: &[Header], name: &str, item: &str) -> bool {
    let lines = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
    let mut items = lines.flat_map(|field| field.value.split(|byte| *byte == b','));
    items.any(|listed| listed.trim_ascii().eq_ignore_ascii_case(item.as_bytes()))
}

fn skip(inflow: &mut Inflow, connection: &mut impl Read, length: u64) -> Result<(), RequestOutcome> {
    let mut left = length;
    loop {
        let here = left.min(inflow.bytes().len() as u64);
        inflow.consume(here as usize);
        left -= here;
        if left == 0 {
            return Ok(());
        }
        more(inflow, connection)?;
    }
}

fn skip_chunks(inflow: &mut Inflow, connection: &mut impl Read) -> Result<(), RequestOutcome> {
    loop {
        let length = chunk_length(inflow, connection)?;
        if length == 0 {
            return skip_trailers(inflow, connection);
        }
        skip(inflow, connection, length)?;
        if !read_line(inflow, connection)?.is_empty() {
            return Err(RequestOutcome::BadAnswer);
        }
    }
}

fn chunk_length(inflow: &mut Inflow, connection: &mut impl Read) -> Result<u64, RequestOutcome> {
    loop {
        match httparse::parse_chunk_size(inflow.bytes()) {
            Err(_) => return Err(RequestOutcome::BadAnswer),
            Ok(Status::Complete((used, length))) => {
                inflow.consume(used);
                return Ok(length);
            }
            Ok(Status::Partial) => more(inflow, connection)?,
        }
    }
}

fn skip_trailers(inflow: &mut Inflow, connection: &mut impl Read) -> Result<(), RequestOutcome> {
    while !read_line(inflow, connection)?.is_empty() {}
    Ok(())
}

/// A line without its end.
fn read_line(inflow: &mut Inflow, connection: &mut impl Read) -> Result<Vec<u8>, RequestOutcome> {
    loop {
        if let Some(end) = inflow.bytes().iter().position(|byte| *byte == b'\n') {
            let line = inflow.bytes()[..end].trim_ascii_end().to_vec();
            inflow.consume(end + 1);
            return Ok(line);
        }
        more(inflow, connection)?;
    }
}

fn while_open(inflow: &mut Inflow, connection: &mut impl Read) -> Result<(), RequestOutcome> {
    loop {
        inflow.consume(inflow.bytes().len());
        if inflow.fill(connection)? == 0 {
            return Ok(());
        }
    }
}

fn more(inflow: &mut Inflow, connection: &mut impl Read) -> Result<(), RequestOutcome> {
    match inflow.fill(connection) {
        Ok(0) => Err(RequestOutcome::Closed),
        Ok(_) => Ok(()),
        // A header section or line that does not fit.
        Err(error) if error.kind() == std::io::ErrorKind::OutOfMemory => Err(RequestOutcome::BadAnswer),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
