//! A program of the user's own between services, as it is written.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::form::Form;

/// A program of the user's own, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyFile {
    /// Program and arguments.
    pub command: Spanned<Vec<Spanned<String>>>,
    /// Files that are made for each pod, each from the template that it names.
    pub template: Option<Spanned<Form<Vec<Spanned<String>>>>>,
    /// Which sides lead to the program, or where they do; both if left out.
    pub redirect: Option<Spanned<Form<ProxyPorts>>>,
    pub ready: Spanned<Form<ReadyFile>>,
}

/// Ports of one's own, or rules of one's own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyPorts {
    pub inbound: Option<Spanned<u16>>,
    pub outbound: Option<Spanned<u16>>,
    pub rules: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadyFile {
    pub port: u16,
    pub path: Option<Spanned<String>>,
}
