//! The agent's configuration: its file and flags, read and fully checked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent::{Guard, GuardError, GuardFiles, Push, PushError, TlsFiles};
use anyhow::Context;
use serde_saphyr::{Location, Spanned};
use topology::Mistake;

use super::file::{MonitorFile, Otlp, ProtocolName, Tls};
use crate::cli::AgentOptions;
use crate::failure::{Failure, Hint};

/// The default address to listen on.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9435);

/// The default interval of pushes, the default of OTLP's exporters.
const INTERVAL: Duration = Duration::from_secs(60);

/// A valid configuration; every file that it names has been read.
pub struct Configuration {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Files that decide who may scrape.
    pub guard_files: GuardFiles,
    /// Who may scrape.
    pub guard: Guard,
    /// Where metrics are pushed; `None` if they are only scraped.
    pub push: Option<Push>,
}

impl Configuration {
    /// Reads the flags and the file that they name. Flags override the file.
    pub fn of(options: &AgentOptions) -> Result<Self, Failure> {
        let mut configuration = match &options.config {
            Some(path) => Self::read(path)?,
            None => Self { listen: LISTEN, guard_files: GuardFiles::default(), guard: Guard::default(), push: None },
        };
        configuration.listen = options.listen.unwrap_or(configuration.listen);
        Ok(configuration)
    }

    /// Reads and checks an agent's file, and the files that it names relative to its folder.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = crate::text::written(path)
            .with_context(|| format!("cannot read `{}`", path.display()))
            .hint("name a YAML file that this user may read")?;
        let located = |fault| Failure::in_file(path, fault);
        let file: MonitorFile = topology::read_yaml(&text).map_err(located)?;
        let listen = listen_of(file.listen.as_ref()).map_err(located)?;
        let push = file.otlp.as_ref().map(push_of).transpose().map_err(located)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let guard_files = guard_files_of(&file, folder);
        let guard = Guard::read(&guard_files)
            .map_err(|error| located(guard_fault(place_of(&file, folder, error.path()), error)))?;
        Ok(Self { listen, guard_files, guard, push })
    }
}

fn listen_of(written: Option<&Spanned<String>>) -> Result<SocketAddr, Mistake> {
    let Some(written) = written else { return Ok(LISTEN) };
    written.value.parse().map_err(|_| {
        let what = format!("`{}` is not an address with a port", written.value.escape_debug());
        Mistake::at(written.referenced, what, "write one such as `127.0.0.1:9435`, `0.0.0.0:9435` or `\"[::]:9435\"`")
    })
}

fn push_of(otlp: &Otlp) -> Result<Push, Mistake> {
    let interval = match &otlp.interval {
        Some(interval) if interval.value.0.is_zero() => {
            return Err(Mistake::at(
                interval.referenced,
                "`interval` must be greater than 0",
                "write an interval such as `60s`",
            ));
        }
        interval => interval.as_ref().map_or(INTERVAL, |interval| interval.value.0),
    };
    let protocol = match otlp.protocol {
        ProtocolName::Http => agent::PushProtocol::Http,
        ProtocolName::Grpc => agent::PushProtocol::Grpc,
    };
    let headers = otlp.headers.iter().flat_map(|headers| &headers.value.0);
    let headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.value.to_ascii_lowercase(), value.clone())).collect();
    Push::new(&otlp.endpoint.value, protocol, interval, &headers).map_err(|error| push_fault(otlp, error))
}

fn push_fault(otlp: &Otlp, error: PushError) -> Mistake {
    let endpoint = otlp.endpoint.referenced;
    let (place, hint) = match &error {
        PushError::Endpoint(_) => (endpoint, "write one such as `http://collector:4318`"),
        PushError::Path(_) => (endpoint, "write scheme, host and port alone, or use `protocol: http`"),
        PushError::Header(_) => {
            (otlp.headers.as_ref().map_or(endpoint, |headers| headers.referenced), "write `name: value` pairs of ASCII")
        }
        PushError::NoRoots(_) => {
            (endpoint, "install them: `apt-get install ca-certificates`, or name a file of yours in SSL_CERT_FILE")
        }
        PushError::NotBuilt => (endpoint, "build meshtax with `--features otlp`, or remove `otlp`"),
    };
    Mistake::at(place, error.to_string(), hint)
}

fn guard_files_of(file: &MonitorFile, folder: &Path) -> GuardFiles {
    let seen = |path: &Spanned<PathBuf>| folder.join(&path.value);
    let tls = file.tls.as_ref().map(|Tls { certificate, key, client_ca }| TlsFiles {
        certificate: seen(certificate),
        key: seen(key),
        client_ca: client_ca.as_ref().map(seen),
    });
    GuardFiles { tls, token: file.token_file.as_ref().map(seen) }
}

/// The place in the file where `path` is named.
fn place_of(file: &MonitorFile, folder: &Path, path: &Path) -> Location {
    let tls = file.tls.iter().flat_map(|tls| [Some(&tls.certificate), Some(&tls.key), tls.client_ca.as_ref()]);
    let mut named = tls.chain([file.token_file.as_ref()]).flatten();
    named.find(|named| folder.join(&named.value) == path).map_or(Location::UNKNOWN, |named| named.referenced)
}

fn guard_fault(place: Location, error: GuardError) -> Mistake {
    let hint = remedy(&error);
    Mistake::at(place, words(error), hint)
}

/// Says how to make the file usable.
fn remedy(error: &GuardError) -> String {
    let path = error.path().display();
    match error {
        GuardError::Unreadable { .. } => {
            "name a file that this user may read, relative to this file's folder".to_owned()
        }
        GuardError::Exposed { .. } => {
            format!("restrict it: `chmod 600 {path}`, and replace the secret if others may have read it")
        }
        GuardError::NoToken { .. } => {
            format!("make one: `(umask 077; openssl rand -hex 32 > {path})`")
        }
        GuardError::NoPem { .. } => "PEM begins with `-----BEGIN`; `openssl` converts other forms".to_owned(),
        GuardError::Refused { .. } => "name a certificate, its own key, and authorities that go together".to_owned(),
    }
}

/// Writes an error with its causes on one line.
pub fn words(error: GuardError) -> String {
    format!("{:#}", anyhow::Error::new(error))
}
