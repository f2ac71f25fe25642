//! The values of a topology file, which are valid once they are read.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::{Bytes, Endpoint, PORTS_RESERVED, Span, Volume, VolumeSource};

/// A name for DNS and for pods (RFC 1035, as Kubernetes requires for a service).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DnsLabel(pub String);

/// The path of a URL, without query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UrlPath(pub String);

/// Name of a request header that can be propagated, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header(pub String);

/// Media type of a body, as in the header `content-type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MediaType(pub String);

/// A port that a service can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PortNumber(pub u16);

/// A whole number with limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole<const MIN: u32, const MAX: u32>(pub u32);

/// A number of bytes up to a limit in GiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ByteSize<const MAX_GIB: u64>(pub u64);

/// The timeout of an attempt, greater than zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeout(pub Duration);

/// An argument, or the value of an environment variable, that execve accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argument(pub String);

/// Name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable(pub String);

/// A volume in Compose's syntax: `./data:/var/lib/data`, `sockets:/run/app`, `/srv/pages:/pages:ro`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mounted(pub Volume);

/// Headers of a single connection or message (RFC 9110, sections 7.6.1 and 8.6). Propagating them would break the next
/// request.
const HEADERS_OF_ONE_HOP: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Makes an error from what is wrong and what to write instead. [`crate::read_yaml`] splits it again.
fn refuse<E: de::Error>(written: &str, what: impl fmt::Display, hint: impl fmt::Display) -> E {
    E::custom(format_args!("`{}` {what}\n{hint}", written.escape_debug()))
}

/// Whether a text is a `token` of HTTP (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_part)
}

fn is_label(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-') && text.chars().all(is_inner)
}

impl<'de> Deserialize<'de> for DnsLabel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DnsLabel, D::Error> {
        let text = String::deserialize(deserializer)?;
        if !is_label(&text) {
            let rule = "write lower-case letters, digits and `-`, starting with a letter";
            return Err(refuse(&text, "is not a DNS label", rule));
        }
        if text.len() > 63 {
            return Err(refuse(&text, "is too long for a DNS label", "write at most 63 characters"));
        }
        Ok(DnsLabel(text))
    }
}

impl UrlPath {
    pub fn parse<E: de::Error>(text: &str) -> Result<UrlPath, E> {
        if let Some(at) = text.find(['?', '#']) {
            let hint = format_args!("write the path alone: `{}`", text[..at].escape_debug());
            return Err(refuse(text, "contains a query or a fragment", hint));
        }
        if !text.starts_with('/') {
            return Err(refuse(text, "does not start with a slash", format_args!("write `/{}`", text.escape_debug())));
        }
        if !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err(refuse(
                text,
                "contains characters that a URL cannot contain",
                "percent-encode it: `%20` for a space",
            ));
        }
        Ok(UrlPath(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for UrlPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UrlPath, D::Error> {
        UrlPath::parse(&String::deserialize(deserializer)?)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        let text = String::deserialize(deserializer)?;
        if !is_token(&text) {
            return Err(refuse(
                &text,
                "is not a header name",
                "write a name such as `x-request-id`, without colon or space",
            ));
        }
        let name = text.to_ascii_lowercase();
        if HEADERS_OF_ONE_HOP.contains(&name.as_str()) {
            return Err(refuse(&text, "belongs to a single hop", "remove it: each call sets this header itself"));
        }
        Ok(Header(name))
    }
}

impl Default for MediaType {
    fn default() -> MediaType {
        MediaType(Endpoint::CONTENT_TYPE_DEFAULT.to_owned())
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<MediaType, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (essence, parameters) = text.split_once(';').unwrap_or((&text, ""));
        let names = essence.trim_end_matches(' ').split_once('/');
        let is_printable = |c: char| c == ' ' || c.is_ascii_graphic();
        if !names.is_some_and(|(kind, form)| is_token(kind) && is_token(form)) || !parameters.chars().all(is_printable)
        {
            let hint = "write one such as `application/json` or `text/html; charset=utf-8`";
            return Err(refuse(&text, "is not a media type", hint));
        }
        Ok(MediaType(text))
    }
}

impl<'de> Deserialize<'de> for PortNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PortNumber, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse::<u16>() {
            Ok(port) if PORTS_RESERVED.contains(&port) => {
                let (first, last) = PORTS_RESERVED.into_inner();
                let what = format_args!("is a port of the sidecar, which uses {first} to {last}");
                Err(refuse(&text, what, "write another port, such as `9080`"))
            }
            Ok(port) if port > 0 => Ok(PortNumber(port)),
            _ => Err(refuse(&text, "is not a port", "write a whole number from 1 to 65535, such as `9080`")),
        }
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse::<u32>() {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Whole(number)),
            _ => {
                let hint = format_args!("write a whole number from {MIN} to {MAX}");
                Err(refuse(&text, "is not a valid number here", hint))
            }
        }
    }
}

impl<'de, const MAX_GIB: u64> Deserialize<'de> for ByteSize<MAX_GIB> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bytes(bytes) = Bytes::deserialize(deserializer)?;
        if bytes > MAX_GIB << 30 {
            return Err(refuse(
                &Bytes(bytes).to_string(),
                "is too much",
                format_args!("write at most `{MAX_GIB} GiB`"),
            ));
        }
        Ok(ByteSize(bytes))
    }
}

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timeout, D::Error> {
        let span = Span::deserialize(deserializer)?;
        if span.0.is_zero() {
            return Err(refuse(&span.to_string(), "is too short for any call", "write a longer timeout, such as `3s`"));
        }
        Ok(Timeout(span.0))
    }
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Argument, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.contains('\0') {
            return Err(refuse(&text, "contains a NUL byte", "remove it: arguments of a program cannot contain it"));
        }
        Ok(Argument(text))
    }
}

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Variable, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.contains(['=', '\0']) {
            return Err(refuse(&text, "is not a name for a variable", "write a name without `=`, such as `LOG_LEVEL`"));
        }
        Ok(Variable(text))
    }
}

impl<'de> Deserialize<'de> for Mounted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Mounted, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (paths, read_only) = text.strip_suffix(":ro").map_or((&*text, false), |paths| (paths, true));
        let Some((source, target)) = paths.split_once(':') else {
            return Err(refuse(&text, "is not a volume", "write `SOURCE:TARGET`, such as `./data:/var/lib/data`"));
        };
        let parts: Vec<&str> = target.split('/').skip(1).collect();
        if !target.starts_with('/')
            || parts.iter().any(|part| ["", ".", ".."].contains(part))
            || target.contains([':', '\0'])
        {
            let hint = "write a path from the root, without `.` and `..`, such as `/var/lib/data`";
            return Err(refuse(target, "is not a path in a pod", hint));
        }
        let source = match source {
            path if path.starts_with(['/', '.']) => VolumeSource::Host(path.to_owned()),
            name if is_label(name) => VolumeSource::Named(name.to_owned()),
            _ => {
                let hint = "write a path that begins with `/` or `.`, or a name in lower-case letters";
                return Err(refuse(source, "is neither a path nor a name", hint));
            }
        };
        Ok(Mounted(Volume { source, target: target.to_owned(), read_only }))
    }
}
