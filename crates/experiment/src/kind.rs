//! What kind of file it is that somebody hands over.

use std::path::Path;

use serde_json::{Map, Value};

use crate::refusal::Refusal;
use crate::yaml::read_yaml;

/// Kinds of files that are read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What is compared, and how.
    Experiment,
    /// An application.
    Topology,
    /// Neither, as it stands.
    Unknown,
}

/// What `text` is, whatever its parser will say of it.
///
/// # Errors
///
/// Files of other tools, with how to begin.
pub fn kind_of(path: &Path, text: &str) -> Result<Kind, Refusal> {
    let keys: Map<String, Value> = read_yaml(text).unwrap_or_default();
    let has = |key: &str| keys.contains_key(key) || text.lines().any(|line| line.starts_with(&format!("{key}:")));
    if has("apiVersion") && has("kind") {
        return Err(another(path, "a Kubernetes manifest"));
    }
    if services(&keys).any(|service| service.contains_key("image") || service.contains_key("build")) {
        return Err(another(path, "a Compose file"));
    }
    if has("topology") || has("arms") {
        return Ok(Kind::Experiment);
    }
    Ok(if has("services") { Kind::Topology } else { Kind::Unknown })
}

/// What `services` has, service by service.
fn services(keys: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let services = keys.get("services").and_then(Value::as_object);
    services.into_iter().flat_map(Map::values).filter_map(Value::as_object)
}

fn another(path: &Path, what: &str) -> Refusal {
    Refusal::new(
        format!("`{}` is {what}, and neither a topology nor an experiment", path.display()),
        "write a topology with a service for each of its own: its port, and the calls that it makes or, as `command`, the program \
         that it is; `meshtax show topologies/pair.yaml > topology.yaml` is a start, `meshtax run --topology topology.yaml` \
         measures it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<Kind, String> {
        kind_of(Path::new("a.yaml"), text).map_err(|refusal| refusal.what)
    }

    #[test]
    fn experiments_and_topologies_in_yaml_and_json() {
        assert_eq!(told("name: a\ntopology: pair\narms: {}\n"), Ok(Kind::Experiment));
        assert_eq!(told("{\"name\": \"a\", \"topology\": \"pair\", \"arms\": {}}"), Ok(Kind::Experiment));
        assert_eq!(told("name: a\nservices: {a: {port: 80}}\n"), Ok(Kind::Topology));
        assert_eq!(told("{\"name\": \"a\", \"services\": {}}"), Ok(Kind::Topology));
        assert_eq!(told("topology: [unclosed"), Ok(Kind::Experiment));
        assert_eq!(told(""), Ok(Kind::Unknown));
    }

    #[test]
    fn files_of_other_tools() {
        let manifest = "`a.yaml` is a Kubernetes manifest, and neither a topology nor an experiment";
        assert_eq!(
            told("apiVersion: apps/v1\nkind: Deployment\n---\napiVersion: v1\nkind: Service\n").unwrap_err(),
            manifest
        );
        assert_eq!(told("{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}").unwrap_err(), manifest);
        let compose = "`a.yaml` is a Compose file, and neither a topology nor an experiment";
        assert_eq!(told("services:\n  web:\n    image: nginx\n    ports: ['80:80']\n").unwrap_err(), compose);
        assert_eq!(told("version: '3'\nservices: {web: {build: .}}\n").unwrap_err(), compose);
    }
}
