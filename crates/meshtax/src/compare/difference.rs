use std::collections::BTreeSet;

use measure::{Aspect, Difference, LoadBlock};
use serde::Serialize;
use serde_json::{Map, Value};
use topology::Topology;

use super::ComparedRun;
use crate::failure::Failure;

/// Facts about an experiment that do not describe its load: names, what follows from the number of rounds, and what
/// only decides the order or the end. All its other facts count as load.
const NO_LOAD: [&str; 7] = ["name", "topology", "rounds", "stands", "requests", "seed", "complete"];
/// Facts about an environment that always differ.
const NO_ENVIRONMENT: [&str; 1] = ["started"];

/// Lists what differs between two runs apart from their figures, topology and load first.
pub fn differences(a: &ComparedRun, b: &ComparedRun) -> Result<Vec<Difference>, Failure> {
    let (told_a, told_b) = (&a.record.measurement, &b.record.measurement);
    let mut found = topologies(&a.record.topology()?, &b.record.topology()?);
    found.extend(facts(Aspect::Load, &NO_LOAD, &told_a.experiment, &told_b.experiment)?);
    found.extend(block_requests(&a.observations.load, &b.observations.load));
    found.extend(arms(a, b)?);
    found.extend(facts(Aspect::Environment, &NO_ENVIRONMENT, &told_a.environment, &told_b.environment)?);
    Ok(found)
}

/// Lists the services that differ. The names of the topologies do not matter.
fn topologies(a: &Topology, b: &Topology) -> Vec<Difference> {
    let names: BTreeSet<&str> = [a, b].iter().flat_map(|graph| &graph.services).map(|service| &*service.name).collect();
    let different = names.into_iter().filter(|name| a.service(name) != b.service(name));
    let word = |graph: &Topology, name: &str, other: &str| match graph.service(name) {
        Some(_) => other.to_owned(),
        None => absent(),
    };
    let found = different.map(|name| Difference {
        aspect: Aspect::Topology,
        name: format!("service `{name}`"),
        a: word(a, name, "present"),
        b: word(b, name, if a.service(name).is_some() { "not the same" } else { "present" }),
    });
    found.collect()
}

/// Lists the keys of two flat objects whose values differ, apart from those in `without`.
fn facts<T: Serialize>(aspect: Aspect, without: &[&str], a: &T, b: &T) -> Result<Vec<Difference>, Failure> {
    let (a, b) = (serde_json::to_value(a)?, serde_json::to_value(b)?);
    Ok(unequal(aspect, "", without, Some(&a), Some(&b)))
}

fn unequal(aspect: Aspect, prefix: &str, without: &[&str], a: Option<&Value>, b: Option<&Value>) -> Vec<Difference> {
    let keys: BTreeSet<&String> =
        [a, b].into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys).collect();
    let of = |value: Option<&Value>, key: &str| value.and_then(|value| value.get(key)).map_or_else(absent, word);
    let told = keys.into_iter().filter(|key| !without.contains(&key.as_str())).map(|key| Difference {
        aspect,
        name: format!("{prefix}{key}"),
        a: of(a, key),
        b: of(b, key),
    });
    told.filter(|told| told.a != told.b).collect()
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => absent(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn absent() -> String {
    "absent".to_owned()
}

/// Compares the requests per block, on which the quantiles of blocks depend. The number of blocks does not matter.
fn block_requests(a: &[LoadBlock], b: &[LoadBlock]) -> Option<Difference> {
    let most = |blocks: &[LoadBlock]| blocks.iter().map(|block| block.samples.requests).max().unwrap_or(0);
    let (a, b) = (most(a), most(b));
    // Shares of a total may differ by one.
    (a.abs_diff(b) > 1).then(|| Difference {
        aspect: Aspect::Load,
        name: "requests per block".to_owned(),
        a: a.to_string(),
        b: b.to_string(),
    })
}

/// Lists arms that only one run has, and options that differ between arms of the same name.
fn arms(a: &ComparedRun, b: &ComparedRun) -> Result<Vec<Difference>, Failure> {
    let (written_a, written_b) = (a.record.written_arms()?, b.record.written_arms()?);
    let ran = |run: &ComparedRun, name: &str| run.record.measurement.arms.iter().any(|arm| arm.name == name);
    let names = [a, b].into_iter().flat_map(|run| &run.record.measurement.arms).map(|arm| arm.name.as_str());
    let mut found = Vec::new();
    for name in names.collect::<BTreeSet<_>>() {
        if ran(a, name) && ran(b, name) {
            let prefix = format!("`{name}` ");
            found.extend(unequal(Aspect::Arms, &prefix, &[], written_a.get(name), written_b.get(name)));
        } else {
            let word = |run| if ran(run, name) { "present".to_owned() } else { absent() };
            found.push(Difference { aspect: Aspect::Arms, name: format!("`{name}`"), a: word(a), b: word(b) });
        }
    }
    Ok(found)
}
