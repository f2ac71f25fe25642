use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The configuration that an Envoy reports (`/config_dump`), without the parts that depend on where it ran:
/// `listeners`, `clusters`, `routes` by name, and `bootstrap`.
pub struct Dump(Value);

impl Dump {
    /// Reads the dump of a pod, `CASE/POD.json`. Most cases are kept as their differences from the case `strict`.
    pub fn read(case: &str, pod: &str) -> Dump {
        // Only an Envoy of Istio's own build could be asked again for its defaults.
        let folder = fresh().filter(|_| case != "defaults").unwrap_or_else(kept);
        let dump = json(&folder.join(case).join(format!("{pod}.json")));
        if dump.get("gone").is_none() {
            return Dump(dump);
        }
        Dump(above(json(&folder.join("strict").join(format!("{pod}.json"))), &dump))
    }

    /// The dump in the form of a bootstrap without xDS: routes stand where they are used.
    pub fn bootstrap(&self) -> Value {
        let dump = &self.0;
        let mut bootstrap = dump["bootstrap"].clone();
        for kind in ["listeners", "clusters"] {
            let fixed = bootstrap["static_resources"][kind].take();
            let pushed = list(&dump[kind]).iter().chain(list(&fixed)).cloned().collect::<Vec<_>>();
            bootstrap["static_resources"][kind] = pushed.into();
        }
        for listener in bootstrap["static_resources"]["listeners"].as_array_mut().into_iter().flatten() {
            inline(listener, &dump["routes"]);
        }
        bootstrap
    }
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Applies differences to another dump.
fn above(mut base: Value, differing: &Value) -> Value {
    for (kind, parts) in differing.as_object().into_iter().flatten().filter(|(kind, _)| *kind != "gone") {
        let Some(news) = parts.as_array() else {
            base[kind] = parts.clone();
            continue;
        };
        let is_named = |names: &[Value], one: &Value| names.contains(&one["name"]);
        let names: Vec<Value> = news.iter().map(|one| one["name"].clone()).collect();
        let gone = list(&differing["gone"][kind]);
        let stay = list(&base[kind]).iter().filter(|one| !is_named(&names, one) && !is_named(gone, one));
        base[kind] = stay.chain(news).cloned().collect();
    }
    base
}

/// The folder of the repository's dumps.
fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/istio")
}

/// The folder of fresh dumps, if there are any.
pub fn fresh() -> Option<PathBuf> {
    std::env::var_os("ISTIO_DUMPS").map(PathBuf::from)
}

/// Replaces the names of route tables, which xDS serves, by the tables.
fn inline(value: &mut Value, routes: &Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| inline(item, routes)),
        Value::Object(fields) => {
            if let Some(rds) = fields.remove("rds") {
                let table = list(routes).iter().find(|table| table["name"] == rds["route_config_name"]);
                fields.insert("route_config".to_owned(), table.cloned().unwrap_or_else(|| json!("not in the dump")));
            }
            fields.values_mut().for_each(|field| inline(field, routes));
        }
        _ => {}
    }
}

/// The items of a list; empty if the value is not a list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
