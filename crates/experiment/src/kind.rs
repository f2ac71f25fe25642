//! Decides which kind of file a user has named.

use std::path::Path;

use serde_json::{Map, Value};

use crate::refusal::Refusal;
use crate::yaml::read_yaml;

/// Kinds of files that this room reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An experiment: what is compared, and how.
    Experiment,
    /// A topology: an application.
    Topology,
    /// Neither of them.
    Unknown,
}

/// The kind of file that `text` is, whether or not it is valid.
///
/// # Errors
///
/// Returns an error for files of other tools, which says how to begin.
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

/// The keys of each service below `services`.
fn services(keys: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let services = keys.get("services").and_then(Value::as_object);
    services.into_iter().flat_map(Map::values).filter_map(Value::as_object)
}

fn another(path: &Path, what: &str) -> Refusal {
    Refusal::new(
        format!("`{}` is {what}, neither a topology nor an experiment", path.display()),
        "write a topology with the same services, each with its port and its calls or, as `command`, its program; start with \
         `meshtax show topologies/pair.yaml > topology.yaml`, and measure with `meshtax run --topology topology.yaml`",
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
        let manifest = "`a.yaml` is a Kubernetes manifest, neither a topology nor an experiment";
        assert_eq!(
            told("apiVersion: apps/v1\nkind: Deployment\n---\napiVersion: v1\nkind: Service\n").unwrap_err(),
            manifest
        );
        assert_eq!(told("{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}").unwrap_err(), manifest);
        let compose = "`a.yaml` is a Compose file, neither a topology nor an experiment";
        assert_eq!(told("services:\n  web:\n    image: nginx\n    ports: ['80:80']\n").unwrap_err(), compose);
        assert_eq!(told("version: '3'\nservices: {web: {build: .}}\n").unwrap_err(), compose);
    }
}
