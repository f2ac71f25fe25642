//! A user's own program between services, as written.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::form::Form;

/// A user's own program, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyFile {
    /// Program and arguments.
    pub command: Spanned<Vec<Spanned<String>>>,
    /// Template files that are filled in for each pod.
    pub template: Option<Spanned<Form<Vec<Spanned<String>>>>>,
    /// The directions that are redirected to the program, or the ports; both directions by default.
    pub redirect: Option<Spanned<Form<ProxyPorts>>>,
    pub ready: Spanned<Form<ReadyFile>>,
}

/// The user's own ports, or the user's own rules.
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
