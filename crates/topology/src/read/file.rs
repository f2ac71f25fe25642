//! A topology file as written: keys with a default are optional, and places are kept for later checks.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

use super::Named;
use super::word::{
    Argument, ByteSize, DnsLabel, Header, MediaType, Mounted, PortNumber, Timeout, UrlPath, Variable, Whole,
};
use crate::{Connections, Protocol, Restart, Share, Span};

/// The whole file.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplicationFile {
    pub name: DnsLabel,
    #[serde(default)]
    pub description: String,
    pub services: Spanned<Named<ServiceFile, DnsLabel>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceFile {
    pub port: Spanned<PortNumber>,
    #[serde(default)]
    pub protocol: Protocol,
    #[serde(default = "yes")]
    pub declared: bool,
    pub account: Option<DnsLabel>,
    #[serde(default)]
    pub connections: Connections,
    #[serde(default)]
    pub propagate: Vec<Spanned<Header>>,
    pub ready: Option<Spanned<UrlPath>>,
    pub metrics: Option<Spanned<MetricsFile>>,
    #[serde(default)]
    pub restart: Restart,
    pub instances: Option<Spanned<Instances>>,
    pub versions: Option<Spanned<Named<VersionFile, DnsLabel>>>,
    // The keys from here on are those of `WorkFile`; `flatten` would lose all places.
    memory: Option<Spanned<MemorySize>>,
    command: Option<Spanned<Vec<Argument>>>,
    environment: Option<Spanned<Variables>>,
    volumes: Option<Spanned<Vec<Mounted>>>,
    endpoints: Option<Spanned<Endpoints>>,
    script: Option<Spanned<Vec<StepFile>>>,
    response: Option<Spanned<BodySize>>,
    errors: Option<Spanned<Share>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct VersionFile {
    pub weight: Option<Weight>,
    pub instances: Option<Instances>,
    memory: Option<Spanned<MemorySize>>,
    command: Option<Spanned<Vec<Argument>>>,
    environment: Option<Spanned<Variables>>,
    volumes: Option<Spanned<Vec<Mounted>>>,
    endpoints: Option<Spanned<Endpoints>>,
    script: Option<Spanned<Vec<StepFile>>>,
    response: Option<Spanned<BodySize>>,
    errors: Option<Spanned<Share>>,
}

/// The keys of a service or a version that describe the work of its pods.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WorkFile<'a> {
    pub memory: Option<&'a Spanned<MemorySize>>,
    pub command: Option<&'a Spanned<Vec<Argument>>>,
    pub environment: Option<&'a Spanned<Variables>>,
    pub volumes: Option<&'a Spanned<Vec<Mounted>>>,
    pub endpoints: Option<&'a Spanned<Endpoints>>,
    pub script: Option<&'a Spanned<Vec<StepFile>>>,
    pub response: Option<&'a Spanned<BodySize>>,
    pub errors: Option<&'a Spanned<Share>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EndpointFile {
    pub script: Vec<StepFile>,
    pub response: BodySize,
    pub r#type: MediaType,
    pub errors: Share,
}

fn yes() -> bool {
    true
}

/// One step, written as `- name: value`.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepFile {
    Compute(ComputeFile),
    Wait(Span),
    Call(CallFile),
    Parallel(Spanned<Vec<CallFile>>),
}

/// CPU time to burn, written as `{cpu: 300us, background: true}`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ComputeMap {
    pub cpu: Span,
    #[serde(default)]
    pub background: bool,
}

/// [`ComputeMap`], or only the CPU time: `300us`.
#[derive(Debug)]
pub(super) struct ComputeFile(pub ComputeMap);

/// The place of metrics, written as `{port: 9102, path: /metrics}`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricsMap {
    pub port: Option<PortNumber>,
    pub path: UrlPath,
}

/// [`MetricsMap`], or only the path.
#[derive(Debug)]
pub(super) struct MetricsFile(pub MetricsMap);

/// A call, written as `details/details/0` or `{service: details, path: /details/0, timeout: 3s}`.
#[derive(Debug)]
pub(super) struct CallFile {
    pub service: Spanned<String>,
    pub path: Option<Spanned<UrlPath>>,
    pub timeout: Option<Timeout>,
    pub retries: Option<Retries>,
    pub request: Option<Spanned<BodySize>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct CallMap {
    service: Spanned<String>,
    path: Option<Spanned<UrlPath>>,
    timeout: Option<Timeout>,
    retries: Option<Retries>,
    request: Option<Spanned<BodySize>>,
}

/// A call as written. In the short form, the parts have the place of the whole.
enum CallForm {
    Short { service: String, path: Option<UrlPath> },
    Map(Box<CallMap>),
}

pub(super) type BodySize = ByteSize<1>;
pub(super) type MemorySize = ByteSize<64>;
pub(super) type Instances = Whole<1, 256>;
pub(super) type Weight = Whole<0, 10_000>;
pub(super) type Retries = Whole<0, 10>;
pub(super) type Variables = Named<Argument, Variable>;
pub(super) type Endpoints = Named<EndpointFile, UrlPath>;

impl StepFile {
    /// The calls of this step.
    pub fn calls(&self) -> &[CallFile] {
        match self {
            StepFile::Compute(_) | StepFile::Wait(_) => &[],
            StepFile::Call(call) => std::slice::from_ref(call),
            StepFile::Parallel(calls) => &calls.value,
        }
    }
}

impl ServiceFile {
    pub fn work(&self) -> WorkFile<'_> {
        WorkFile {
            memory: self.memory.as_ref(),
            command: self.command.as_ref(),
            environment: self.environment.as_ref(),
            volumes: self.volumes.as_ref(),
            endpoints: self.endpoints.as_ref(),
            script: self.script.as_ref(),
            response: self.response.as_ref(),
            errors: self.errors.as_ref(),
        }
    }
}

impl VersionFile {
    pub fn work(&self) -> WorkFile<'_> {
        WorkFile {
            memory: self.memory.as_ref(),
            command: self.command.as_ref(),
            environment: self.environment.as_ref(),
            volumes: self.volumes.as_ref(),
            endpoints: self.endpoints.as_ref(),
            script: self.script.as_ref(),
            response: self.response.as_ref(),
            errors: self.errors.as_ref(),
        }
    }
}

impl<'a> WorkFile<'a> {
    /// Every script with its path, which is empty for a script directly below the service.
    pub fn scripts(self) -> impl Iterator<Item = (&'a str, &'a [StepFile])> {
        let own = self.script.map(|script| ("", script.value.as_slice()));
        let endpoints = self.endpoints.into_iter().flat_map(|endpoints| &endpoints.value.0);
        own.into_iter().chain(endpoints.map(|(path, endpoint)| (path.value.0.as_str(), endpoint.script.as_slice())))
    }
}

impl<'de> Deserialize<'de> for ComputeFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ComputeFile, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = ComputeFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`300us` or `{cpu: 300us, background: true}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ComputeFile, E> {
                let cpu = text.parse().map_err(E::custom)?;
                Ok(ComputeFile(ComputeMap { cpu, background: false }))
            }

            // A bare number has no unit; the parser of spans reports that.
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<ComputeFile, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<ComputeFile, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<ComputeFile, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ComputeFile, A::Error> {
                ComputeMap::deserialize(MapAccessDeserializer::new(map)).map(ComputeFile)
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl<'de> Deserialize<'de> for MetricsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<MetricsFile, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = MetricsFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`/metrics` or `{port: 9102, path: /metrics}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<MetricsFile, E> {
                Ok(MetricsFile(MetricsMap { port: None, path: UrlPath::parse(text)? }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MetricsFile, A::Error> {
                MetricsMap::deserialize(MapAccessDeserializer::new(map)).map(MetricsFile)
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl<'de> Deserialize<'de> for CallForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<CallForm, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = CallForm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`SERVICE/PATH` or `{service: SERVICE, path: /PATH, timeout: 3s}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<CallForm, E> {
                let (service, path) = text.split_at(text.find('/').unwrap_or(text.len()));
                let path = if path.is_empty() { None } else { Some(UrlPath::parse(path)?) };
                Ok(CallForm::Short { service: service.to_owned(), path })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CallForm, A::Error> {
                CallMap::deserialize(MapAccessDeserializer::new(map)).map(|call| CallForm::Map(Box::new(call)))
            }
        }

        deserializer.deserialize_any(Form)
    }
}

impl<'de> Deserialize<'de> for CallFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<CallFile, D::Error> {
        let form = Spanned::<CallForm>::deserialize(deserializer)?;
        Ok(match form.value {
            CallForm::Short { service, path } => CallFile {
                service: Spanned::new(service, form.referenced, form.defined),
                path: path.map(|path| Spanned::new(path, form.referenced, form.defined)),
                timeout: None,
                retries: None,
                request: None,
            },
            CallForm::Map(call) => {
                let CallMap { service, path, timeout, retries, request } = *call;
                CallFile { service, path, timeout, retries, request }
            }
        })
    }
}
