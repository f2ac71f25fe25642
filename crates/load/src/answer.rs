//! Reading an HTTP/1.1 answer as it arrives: RFC 9112, sections 6.3 (length of the body) and 7.1 (chunks).

use httparse::{EMPTY_HEADER, Header, Response, Status};

use crate::RequestOutcome;

/// As many fields as most answers have at most.
const FIELDS: usize = 128;
/// More fields than this make an answer bad, as they do for curl.
const FIELDS_MAX: usize = 5_000;
/// Longest header section, and longest line between chunks: curl's limit is 300 kB, Chromium's 256 KiB, Envoy's 60 KiB
/// unless told otherwise.
const HEAD_BYTES_MAX: usize = 512 * 1024;

/// An answer that was read to its last byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    /// The connection can carry another request.
    pub(crate) reusable: bool,
    /// Bytes of the status line and all fields, interim answers and trailers included.
    pub(crate) head_bytes: u64,
    /// Bytes of the body as on the wire: sizes and ends of chunks included.
    pub(crate) body_bytes: u64,
}

/// Reads one answer, piece by piece.
#[derive(Default)]
pub(crate) struct AnswerReader {
    answer: HttpAnswer,
    part: Part,
    /// The answer to a HEAD has no body, whatever its fields say.
    bodiless: bool,
    /// Beginning of a header section or line whose end has not arrived.
    partial: Vec<u8>,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Default)]
enum Part {
    #[default]
    Head,
    Length(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    UntilClose,
    Done,
}

impl AnswerReader {
    /// Begins another answer; `bodiless` if it answers a HEAD.
    pub(crate) fn restart(&mut self, bodiless: bool) {
        self.answer = HttpAnswer::default();
        self.part = Part::Head;
        self.bodiless = bodiless;
        self.partial.clear();
    }

    /// Whether any byte of the answer has arrived.
    pub(crate) fn has_begun(&self) -> bool {
        self.answer != HttpAnswer::default() || !self.partial.is_empty()
    }

    /// Takes bytes that arrived. Returns the answer and the number of bytes that it used once it is complete.
    ///
    /// # Errors
    ///
    /// Returns [`RequestOutcome::BadAnswer`] for bytes that are not an answer.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Option<(HttpAnswer, usize)>, RequestOutcome> {
        let mut used = 0;
        while used < bytes.len() {
            let step = self.step(&bytes[used..])?;
            used += step;
            if matches!(self.part, Part::Done) {
                return Ok(Some((self.answer, used)));
            }
        }
        Ok(None)
    }

    /// The peer closed the connection. Returns the answer if that is how its body ends.
    ///
    /// # Errors
    ///
    /// [`RequestOutcome::Closed`] if it is not.
    pub(crate) fn close(&self) -> Result<HttpAnswer, RequestOutcome> {
        match self.part {
            Part::UntilClose => Ok(HttpAnswer { reusable: false, ..self.answer }),
            _ => Err(RequestOutcome::Closed),
        }
    }

    /// Uses at least one byte; returns how many.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, RequestOutcome> {
        match self.part {
            Part::Head => self.head(bytes),
            Part::Length(left) => {
                let here = left.min(bytes.len() as u64);
                self.part = if here == left { Part::Done } else { Part::Length(left - here) };
                Ok(self.body(here))
            }
            Part::Chunk(left) => {
                let here = left.min(bytes.len() as u64);
                self.part = if here == left { Part::ChunkEnd } else { Part::Chunk(left - here) };
                Ok(self.body(here))
            }
            Part::UntilClose => Ok(self.body(bytes.len() as u64)),
            Part::ChunkSize | Part::ChunkEnd | Part::Trailers => self.line(bytes),
            Part::Done => unreachable!("nothing is read after the last byte"),
        }
    }

    fn body(&mut self, bytes: u64) -> usize {
        self.answer.body_bytes += bytes;
        bytes as usize
    }

    /// Reads a header section; the usual one, which arrives whole, is not copied.
    fn head(&mut self, bytes: &[u8]) -> Result<usize, RequestOutcome> {
        if self.partial.is_empty() {
            if let Some((length, head)) = parse_head(bytes)? {
                self.begin_body(length, head);
                return Ok(length);
            }
            self.partial.extend_from_slice(bytes);
            return if self.partial.len() > HEAD_BYTES_MAX { Err(RequestOutcome::BadAnswer) } else { Ok(bytes.len()) };
        }
        let before = self.partial.len();
        let room = (HEAD_BYTES_MAX + 1).saturating_sub(before).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..room]);
        // Parsing from the start is worth it only where the section may have ended.
        if ends_section(&self.partial, before)
            && let Some((length, head)) = parse_head(&self.partial)?
        {
            self.begin_body(length, head);
            self.partial.clear();
            return Ok(length - before);
        }
        if self.partial.len() > HEAD_BYTES_MAX {
            return Err(RequestOutcome::BadAnswer);
        }
        Ok(room)
    }

    fn begin_body(&mut self, length: usize, head: HttpHead) {
        self.answer.head_bytes += length as u64;
        // Interim answers such as 100 and 103 precede the one that counts; 101 would end HTTP, and nobody asked for it.
        if head.status < 200 {
            return;
        }
        (self.answer.status, self.answer.reusable) = (head.status, head.reusable);
        self.part = match head.body {
            _ if self.bodiless => Part::Done,
            Body::Length(0) => Part::Done,
            Body::Length(length) => Part::Length(length),
            Body::Chunked => Part::ChunkSize,
            Body::UntilClose => Part::UntilClose,
        };
        if self.bodiless {
            self.answer.reusable = head.stays;
        }
    }

    /// Reads a line between chunks or after the last one.
    fn line(&mut self, bytes: &[u8]) -> Result<usize, RequestOutcome> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.partial.extend_from_slice(bytes);
            return if self.partial.len() > HEAD_BYTES_MAX { Err(RequestOutcome::BadAnswer) } else { Ok(bytes.len()) };
        };
        self.partial.extend_from_slice(&bytes[..=end]);
        let line = std::mem::take(&mut self.partial);
        let content = line.trim_ascii_end();
        self.part = match self.part {
            Part::ChunkSize => match chunk_size(&line)? {
                0 => Part::Trailers,
                size => Part::Chunk(size),
            },
            Part::ChunkEnd if content.is_empty() => Part::ChunkSize,
            Part::ChunkEnd => return Err(RequestOutcome::BadAnswer),
            _ if content.is_empty() => Part::Done,
            part => part,
        };
        self.answer.body_bytes += line.len() as u64;
        // Its room serves the next line.
        self.partial = line;
        self.partial.clear();
        Ok(end + 1)
    }
}

fn chunk_size(line: &[u8]) -> Result<u64, RequestOutcome> {
    match httparse::parse_chunk_size(line) {
        Ok(Status::Complete((_, size))) => Ok(size),
        _ => Err(RequestOutcome::BadAnswer),
    }
}

/// Whether an empty line ends at or after `from`.
fn ends_section(bytes: &[u8], from: usize) -> bool {
    let tail = &bytes[from.saturating_sub(3)..];
    tail.windows(2).any(|pair| pair == b"\n\n") || tail.windows(3).any(|three| three == b"\n\r\n")
}

/// What the header section says about the rest.
#[derive(Clone, Copy)]
struct HttpHead {
    status: u16,
    /// The connection stays open, as far as version and the field `Connection` say.
    stays: bool,
    reusable: bool,
    body: Body,
}

/// Where a body ends.
#[derive(Clone, Copy)]
enum Body {
    Length(u64),
    Chunked,
    UntilClose,
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
    Ok(Some((length, HttpHead { status, stays, reusable, body })))
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

#[cfg(test)]
mod tests;
