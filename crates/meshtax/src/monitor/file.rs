//! An agent's file as written, with the places of values that are checked later.

use std::path::PathBuf;

use serde::Deserialize;
use serde_saphyr::Spanned;
use topology::{Named, Span};

/// The whole configuration file of an agent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorFile {
    pub listen: Option<Spanned<String>>,
    pub tls: Option<Tls>,
    pub token_file: Option<Spanned<PathBuf>>,
    pub otlp: Option<Otlp>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub certificate: Spanned<PathBuf>,
    pub key: Spanned<PathBuf>,
    pub client_ca: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Otlp {
    pub endpoint: Spanned<String>,
    pub interval: Option<Spanned<Span>>,
    pub headers: Option<Spanned<Named<String>>>,
    #[serde(default)]
    pub protocol: ProtocolName,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProtocolName {
    #[default]
    Http,
    Grpc,
}
