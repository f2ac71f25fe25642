use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What may show a fault, or what an application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(with = "String")]
pub enum WitnessKind {
    /// The services' counts of their own calls.
    Application,
    /// The kernel witness.
    Kernel,
    /// Istio's standard metrics.
    Sidecars,
}

/// A count of a witness that may show a fault. In JSON it is its text, such as `resets`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub enum Sign {
    /// Attempts of services to call others that failed.
    FailedCalls,
    /// Calls that took much longer than the longest before the fault.
    SlowCalls,
    /// DNS queries without an answer in time.
    DnsTimeouts,
    /// DNS queries for names that do not exist.
    Nxdomain,
    /// Connections that failed to open.
    FailedOpens,
    /// Readings that found an accept queue full.
    FullAcceptQueues,
    /// Packets that listeners dropped, for lack of room unless connection attempts were repeated.
    ListenDrops,
    /// Connections that a reset ended.
    Resets,
    /// Retransmitted segments.
    Retransmits,
    /// Requests and connections that ended with this response flag of Envoy, such as `UC`.
    ResponseFlag(String),
}

/// A text that is not the name of a sign.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no sign is called `{0}`")]
pub struct SignError(String);

/// The text before Envoy's response flag.
const RESPONSE_FLAG: &str = "response flag ";

/// Signs with a fixed text.
const NAMED: [(Sign, &str); 9] = [
    (Sign::FailedCalls, "failed calls"),
    (Sign::SlowCalls, "slow calls"),
    (Sign::DnsTimeouts, "DNS timeouts"),
    (Sign::Nxdomain, "NXDOMAIN"),
    (Sign::FailedOpens, "failed opens"),
    (Sign::FullAcceptQueues, "full accept queues"),
    (Sign::ListenDrops, "listen drops"),
    (Sign::Resets, "resets"),
    (Sign::Retransmits, "retransmits"),
];

impl WitnessKind {
    /// Every witness, from the application outwards.
    pub const ALL: [Self; 3] = [Self::Application, Self::Sidecars, Self::Kernel];

    /// The witness's name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Kernel => "kernel",
            Self::Sidecars => "sidecars",
        }
    }
}

impl fmt::Display for WitnessKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Sign {
    /// The witness that counts this sign.
    pub fn witness(&self) -> WitnessKind {
        match self {
            Self::FailedCalls | Self::SlowCalls => WitnessKind::Application,
            Self::ResponseFlag(_) => WitnessKind::Sidecars,
            Self::DnsTimeouts
            | Self::Nxdomain
            | Self::FailedOpens
            | Self::FullAcceptQueues
            | Self::ListenDrops
            | Self::Resets
            | Self::Retransmits => WitnessKind::Kernel,
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::ResponseFlag(flag) = self {
            return write!(f, "{RESPONSE_FLAG}{flag}");
        }
        let named = NAMED.iter().find(|(sign, _)| sign == self);
        f.write_str(named.expect("every sign but a response flag has a fixed text").1)
    }
}

impl FromStr for Sign {
    type Err = SignError;

    fn from_str(text: &str) -> Result<Self, SignError> {
        if let Some(flag) = text.strip_prefix(RESPONSE_FLAG) {
            return Ok(Self::ResponseFlag(flag.to_owned()));
        }
        let named = NAMED.into_iter().find(|(_, name)| *name == text);
        named.map(|(sign, _)| sign).ok_or_else(|| SignError(text.to_owned()))
    }
}

impl From<Sign> for String {
    fn from(sign: Sign) -> Self {
        sign.to_string()
    }
}

impl TryFrom<String> for Sign {
    type Error = SignError;

    fn try_from(text: String) -> Result<Self, SignError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clues of a fault are written in this order.
    #[test]
    fn signs_are_ordered_by_the_names_of_their_witnesses_and_their_own() {
        let flags = ["DC", "UC"].map(|flag| Sign::ResponseFlag(flag.to_owned()));
        let mut signs: Vec<Sign> = NAMED.into_iter().map(|(sign, _)| sign).chain(flags).collect();
        signs.sort();
        let named = |sign: &Sign| (sign.witness().to_string(), sign.to_string());
        assert!(signs.iter().map(named).is_sorted(), "{signs:?}");
    }

    #[test]
    fn signs_are_read_as_they_are_written() {
        for sign in NAMED.map(|(sign, _)| sign).into_iter().chain([Sign::ResponseFlag("UC".to_owned())]) {
            assert_eq!(sign.to_string().parse(), Ok(sign));
        }
        assert_eq!(serde_json::to_string(&Sign::ResponseFlag("UC".to_owned())).unwrap(), "\"response flag UC\"");
        assert_eq!("luck".parse::<Sign>(), Err(SignError("luck".to_owned())));
        for witness in WitnessKind::ALL {
            assert_eq!(serde_json::to_string(&witness).unwrap(), format!("\"{witness}\""));
        }
    }
}
