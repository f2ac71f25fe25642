//! Who may scrape: TLS with or without certificates of clients, and a bearer token.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use nix::fcntl::OFlag;
use subtle::ConstantTimeEq;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{Error, RootCertStore, ServerConfig};

/// Files that say who may scrape. None of either: everybody may, in the clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardFiles {
    /// What TLS rests on.
    pub tls: Option<TlsFiles>,
    /// A token that scrapers must bring.
    pub token: Option<PathBuf>,
}

/// Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those that lead to its authority.
    pub certificate: PathBuf,
    /// The certificate's key.
    pub key: PathBuf,
    /// Authorities one of which must have signed a scraper's certificate; without them scrapers need none.
    pub client_ca: Option<PathBuf>,
}

/// Why nobody can be let in.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A secret that others can read is none.
    #[error("`{}` is a secret that others can read (mode {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A file does not hold what it is named for.
    #[error("`{}` holds no {what}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Certificates that cannot be used, such as one whose key is another.
    #[error("what is in `{}` cannot be used", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl GuardError {
    /// The file at fault.
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::Exposed { path, .. }
            | Self::Empty { path, .. }
            | Self::Refused { path, .. } => path,
        }
    }
}

/// Lets scrapers in or not.
#[derive(Default)]
pub struct Guard {
    tls: Option<TlsAcceptor>,
    token: Option<Vec<u8>>,
}

impl Guard {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// The first file that is unreadable, open to others though secret, or not what it should be.
    pub fn read(files: &GuardFiles) -> Result<Self, GuardError> {
        let tls = files.tls.as_ref().map(acceptor).transpose()?;
        let token = files.token.as_deref().map(token).transpose()?;
        Ok(Self { tls, token })
    }

    /// Whether connections are secret.
    pub fn is_secret(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether a token goes where others can read it.
    pub fn shows_its_token(&self) -> bool {
        self.token.is_some() && self.tls.is_none()
    }

    /// What makes a connection secret, if anything does.
    pub(crate) fn tls(&self) -> Option<&TlsAcceptor> {
        self.tls.as_ref()
    }

    /// Whether these headers bring the token. How long the comparison takes says nothing of where they differ.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let brought = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        brought.is_some_and(|brought| brought.ct_eq(token).into())
    }
}

/// What follows `Bearer`, a word whose case does not matter (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn token(path: &Path) -> Result<Vec<u8>, GuardError> {
    let text = read_secret(path)?;
    let token = text.trim_ascii();
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        return Err(GuardError::Empty { path: path.to_owned(), what: "token: one word of visible ASCII" });
    }
    Ok(token.to_vec())
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, GuardError> {
    let refused = |path: &Path, source: Box<dyn std::error::Error + Send + Sync>| GuardError::Refused {
        path: path.to_owned(),
        source,
    };
    let provider: Arc<CryptoProvider> = aws_lc_rs::default_provider().into();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider has ciphers for these versions");
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(authorities(path)?.into(), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| refused(path, error.into()))?)
        }
    };
    let chain = certificates(&files.certificate)?;
    let mut config = builder.with_single_cert(chain, key(&files.key)?).map_err(|error| match error {
        Error::InconsistentKeys(_) => refused(&files.key, "it is not the key of the certificate".into()),
        other => refused(&files.certificate, other.into()),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn authorities(path: &Path) -> Result<RootCertStore, GuardError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store
            .add(certificate)
            .map_err(|source| GuardError::Refused { path: path.to_owned(), source: source.into() })?;
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, GuardError> {
    let pem = read(&mut open(path)?, path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(GuardError::Empty { path: path.to_owned(), what: "certificate in PEM" }),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, GuardError> {
    PrivateKeyDer::from_pem_slice(&read_secret(path)?)
        .map_err(|_| GuardError::Empty { path: path.to_owned(), what: "unencrypted private key in PEM" })
}

/// A file that nobody else may read. One of root's may be open to a group that this user belongs to: so systemd and
/// Kubernetes hand over secrets.
fn read_secret(path: &Path) -> Result<Vec<u8>, GuardError> {
    let mut file = open(path)?;
    let metadata = file.metadata().map_err(unreadable(path))?;
    let is_handed_over = metadata.uid() == 0 && !nix::unistd::geteuid().is_root();
    let forbidden = if is_handed_over { 0o037 } else { 0o077 };
    if metadata.mode() & forbidden != 0 {
        return Err(GuardError::Exposed { path: path.to_owned(), mode: metadata.mode() & 0o7777 });
    }
    read(&mut file, path)
}

fn open(path: &Path) -> Result<File, GuardError> {
    // Opening a pipe would wait for its writer.
    let file =
        OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path).map_err(unreadable(path))?;
    if file.metadata().map_err(unreadable(path))?.is_file() {
        Ok(file)
    } else {
        Err(unreadable(path)(io::Error::other("it is no file")))
    }
}

fn read(file: &mut File, path: &Path) -> Result<Vec<u8>, GuardError> {
    /// Far above any chain of certificates.
    const LONGEST: u64 = 1 << 20;
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(unreadable(path))?;
    Ok(bytes)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> GuardError {
    let path = path.to_owned();
    move |source| GuardError::Unreadable { path, source }
}

#[cfg(test)]
mod tests;
