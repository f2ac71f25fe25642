//! Access to the metrics: TLS, client certificates and a bearer token.

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

/// Files that decide who may scrape. Without any, everybody may, over plain HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardFiles {
    /// Files for TLS.
    pub tls: Option<TlsFiles>,
    /// File with the token that scrapers must send.
    pub token: Option<PathBuf>,
}

/// Files for TLS, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, with the intermediate certificates up to its authority.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// Authorities that may sign scrapers' certificates. Without them, scrapers need no certificate.
    pub client_ca: Option<PathBuf>,
}

/// An error in the files that decide who may scrape.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// A file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A secret file can be read by other users.
    #[error("`{}` is secret but other users can read it (mode {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The file's permissions.
        mode: u32,
    },
    /// A file does not contain a token.
    #[error("`{}` does not contain a token: one word of visible ASCII", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
    },
    /// A file does not contain what it should, in PEM.
    #[error("`{}` does not contain {what} in PEM", path.display())]
    NoPem {
        /// The file.
        path: PathBuf,
        /// What the file should contain.
        what: &'static str,
    },
    /// A file's contents cannot be used, such as a key that is not the certificate's.
    #[error("`{}` cannot be used", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong with the file.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl GuardError {
    /// Returns the file at fault.
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::Exposed { path, .. }
            | Self::NoToken { path }
            | Self::NoPem { path, .. }
            | Self::Refused { path, .. } => path,
        }
    }
}

/// Decides which scrapers are let in.
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
    /// Returns an error about the first file that cannot be read, is secret but readable by other users, or has the
    /// wrong contents.
    pub fn read(files: &GuardFiles) -> Result<Self, GuardError> {
        let tls = files.tls.as_ref().map(acceptor).transpose()?;
        let token = files.token.as_deref().map(token).transpose()?;
        Ok(Self { tls, token })
    }

    /// Returns whether connections are encrypted.
    pub fn is_secret(&self) -> bool {
        self.tls.is_some()
    }

    /// Returns whether the token is sent unencrypted.
    pub fn shows_its_token(&self) -> bool {
        self.token.is_some() && self.tls.is_none()
    }

    /// Returns the TLS acceptor, if TLS is in use.
    pub(crate) fn tls(&self) -> Option<&TlsAcceptor> {
        self.tls.as_ref()
    }

    /// Returns whether the headers carry the token. The comparison takes the same time wherever the tokens differ.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let brought = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        brought.is_some_and(|brought| brought.ct_eq(token).into())
    }
}

/// Returns what follows `Bearer`, whose case does not matter (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn token(path: &Path) -> Result<Vec<u8>, GuardError> {
    let text = read_secret(path)?;
    let token = text.trim_ascii();
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        return Err(GuardError::NoToken { path: path.to_owned() });
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
        _ => Err(GuardError::NoPem { path: path.to_owned(), what: "a certificate" }),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, GuardError> {
    PrivateKeyDer::from_pem_slice(&read_secret(path)?)
        .map_err(|_| GuardError::NoPem { path: path.to_owned(), what: "an unencrypted private key" })
}

/// Reads a file that no other user may read. If root owns the file, its group may read it when this process is not
/// root: systemd and Kubernetes hand over secrets in this way.
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
    // Without this flag, opening a named pipe would wait for its writer.
    let file =
        OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path).map_err(unreadable(path))?;
    if file.metadata().map_err(unreadable(path))?.is_file() {
        Ok(file)
    } else {
        Err(unreadable(path)(io::Error::other("it is not a regular file")))
    }
}

fn read(file: &mut File, path: &Path) -> Result<Vec<u8>, GuardError> {
    /// Far longer than any chain of certificates.
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
