use topology::{Protocol, Topology, Work};
use traffic::{Target, TargetError};

use crate::refusal::Refusal;

/// Checks that a URL leads into the topology. The error says what is wrong, and what to write instead.
pub fn target_of(url: &str, graph: &Topology) -> Result<Target, (String, String)> {
    let hint = || match entrance(graph) {
        Ok(entrance) => format!("write a URL such as `{entrance}`"),
        Err(_) => "write a URL such as `http://service:8080/`".to_owned(),
    };
    let target: Target = url.parse().map_err(|error: TargetError| (error.to_string(), hint()))?;
    let known = graph
        .services
        .iter()
        .find(|service| service.name == target.host() || plane::fqdn(&service.name) == target.host());
    let Some(service) = known else {
        return Err((format!("topology `{}` has no service `{}`", graph.name, target.host()), hint()));
    };
    if service.protocol != Protocol::Http {
        return Err((format!("service `{}` does not speak http", service.name), hint()));
    }
    if service.port != target.port() {
        return Err((
            format!("service `{}` listens on port {}, not {}", service.name, service.port, target.port()),
            hint(),
        ));
    }
    let path = target.path().split('?').next().unwrap_or_default();
    let serves = |work: &Work| match work {
        Work::Command { .. } => true,
        Work::Simulated { endpoints, .. } => {
            service.ready.as_deref() == Some(path) || endpoints.iter().any(|endpoint| endpoint.path == path)
        }
    };
    if service.versions.iter().all(|version| serves(&version.work)) {
        Ok(target)
    } else {
        Err((format!("not every version of service `{}` has an endpoint `{path}`", service.name), hint()))
    }
}

/// The URL of the first endpoint of the first service that speaks HTTP.
pub fn entrance(graph: &Topology) -> Result<String, Refusal> {
    let service = graph.services.iter().find(|service| service.protocol == Protocol::Http).ok_or_else(|| {
        Refusal::new(
            format!("topology `{}` has no http service that a client can call", graph.name),
            "add one that calls the others",
        )
    })?;
    let path = match &service.versions[0].work {
        Work::Simulated { endpoints, .. } => endpoints.first().map_or("/", |endpoint| &endpoint.path),
        Work::Command { .. } => service.ready.as_deref().unwrap_or("/"),
    };
    Ok(format!("http://{}:{}{path}", service.name, service.port))
}
