//! The calls of a file, and whether a service can answer each.

use serde_saphyr::Spanned;

use super::explain::nearest;
use super::file::{ApplicationFile, CallFile, StepFile, WorkFile};
use super::word::UrlPath;
use crate::{Endpoint, Mistake, Protocol, Service, Topology, Version, Work};

/// A call, with the service and the path that make it.
#[derive(Clone, Copy)]
pub(super) struct Hop<'a> {
    pub from: (&'a str, &'a str),
    pub call: &'a CallFile,
}

/// Every call, in the order of the file.
pub(super) fn hops(file: &ApplicationFile) -> Vec<Hop<'_>> {
    let mut hops = Vec::new();
    for (name, service) in &file.services.value.0 {
        let versions =
            service.versions.iter().flat_map(|versions| &versions.value.0).map(|(_, version)| version.work());
        for (path, script) in std::iter::once(service.work()).chain(versions).flat_map(WorkFile::scripts) {
            let calls = script.iter().flat_map(StepFile::calls);
            hops.extend(calls.map(|call| Hop { from: (&name.value.0, path), call }));
        }
    }
    hops
}

/// Returns an error for a call that no service can answer.
pub(super) fn check(hop: &Hop, topology: &Topology) -> Result<(), Mistake> {
    let CallFile { service: name, path, request, .. } = hop.call;
    let Some(service) = topology.service(&name.value) else {
        return Err(missing_service(name, topology));
    };
    let callee = &service.name;
    match (service.protocol, path, request) {
        (Protocol::Http, None, _) => {
            let what = format!("a call to `{callee}` needs a path: it speaks http");
            Err(Mistake::at(name.referenced, what, format!("write the path too: `{callee}/...`")))
        }
        (Protocol::Tcp, Some(path), _) => {
            let what = format!("a call to `{callee}` has no path: it speaks tcp");
            Err(Mistake::at(path.referenced, what, format!("write the name alone: `{callee}`")))
        }
        (Protocol::Tcp, None, Some(request)) if request.value.0 == 0 => {
            let hint = "write at least `1 B`: the request ends with a line feed";
            Err(Mistake::at(request.referenced, "a tcp request cannot be empty", hint))
        }
        (Protocol::Tcp, None, _) => Ok(()),
        (Protocol::Http, Some(path), _) => answers(path, service),
    }
}

/// A call may reach any version, so each must have the path. A command is assumed to have it.
fn answers(path: &Spanned<UrlPath>, service: &Service) -> Result<(), Mistake> {
    for version in &service.versions {
        match &version.work {
            Work::Simulated { endpoints, .. } if endpoints.iter().all(|endpoint| endpoint.path != path.value.0) => {
                return Err(missing_path(path, service, version, endpoints));
            }
            Work::Simulated { .. } | Work::Command { .. } => {}
        }
    }
    Ok(())
}

fn missing_service(name: &Spanned<String>, topology: &Topology) -> Mistake {
    let names = || topology.services.iter().map(|service| service.name.as_str());
    let hint = match nearest(&name.value, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write one of {}", quoted(names())),
    };
    Mistake::at(name.referenced, format!("there is no service `{}`", name.value.escape_debug()), hint)
}

fn missing_path(path: &Spanned<UrlPath>, service: &Service, version: &Version, endpoints: &[Endpoint]) -> Mistake {
    let UrlPath(word) = &path.value;
    let paths = || endpoints.iter().map(|endpoint| endpoint.path.as_str());
    let owner = match service.versions.len() {
        1 => format!("`{}`", service.name),
        _ => format!("version `{}` of `{}`", version.name, service.name),
    };
    let hint = match nearest(word, paths()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write one of {}, or add the endpoint", quoted(paths())),
    };
    Mistake::at(path.referenced, format!("{owner} has no endpoint `{word}`"), hint)
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
