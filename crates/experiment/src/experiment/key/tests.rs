use std::fs;
use std::path::{Path, PathBuf};

use plane::Preset;

use super::*;
use crate::experiment::schema;
use crate::tests::parse;

/// The path of a file in this repository.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// A value for a key, with the other keys that it needs.
fn example(key: &Key) -> String {
    let value = match &key.values {
        Values::Word(words) => words.names()[0].to_owned(),
        Values::Number(number) => number.most.to_string(),
        Values::Share(_) => return format!("{}: 5%, tracing: b3", key.name),
        Values::Own(_) => match key.name {
            "plane" => return "gateway: none".to_owned(),
            "gateway" => "none",
            "limits" => "{cpu: 1}",
            "add" => "{to: back/}",
            "watch" => "on",
            _ => "2s",
        }
        .to_owned(),
    };
    format!("{}: {value}", key.name)
}

/// The refusal of an arm with these keys, if there is one.
fn refusal(keys: &str) -> Option<String> {
    let text = format!(
        "name: x\ntopology: pair\narms:\n  a: {{{keys}}}\nload: {{sequential: {{target: 'http://front:8080/', requests: 15}}}}\n"
    );
    parse(Path::new("x.yaml"), text).err()
}

#[test]
fn a_key_is_refused_where_it_concerns_nobody() {
    const EVERYBODY: &[Bearer] = &[Bearer::Arm, Bearer::Proxy, Bearer::Envoy, Bearer::Sidecar];
    for (arm, bearers) in [
        ("plane: none", &[Bearer::Arm] as &[Bearer]),
        ("plane: {command: [x], ready: 9}", &[Bearer::Arm, Bearer::Proxy]),
        ("plane: none, gateway: ingress", &[Bearer::Arm, Bearer::Proxy, Bearer::Envoy]),
        ("plane: sidecar", EVERYBODY),
    ] {
        for key in KEYS.iter().filter(|key| !["plane", "gateway"].contains(&key.name)) {
            let refused = refusal(&format!("{arm}, {}", example(key)));
            assert_eq!(refused.is_none(), bearers.contains(&key.bearer), "{} in {arm}: {refused:?}", key.name);
        }
    }
}

/// The first line that shows a key also says its default.
#[test]
fn the_file_of_options_says_each_default() {
    let text = fs::read_to_string(path("experiments/options.yaml")).unwrap();
    for key in KEYS {
        let Some(default) = key.default() else { continue };
        let Some(line) = text.lines().find(|line| line.contains(&format!(", {}: ", key.name))) else { continue };
        let said = line.split_once("# default: ").and_then(|(_, said)| said.split(';').next());
        let bare = |text: &str| text.replace(['"', ' '], "");
        assert_eq!(said.map(bare), Some(bare(&default)), "{line}");
    }
}

/// The documentation and the schema of every key follow the table. `UPDATE=1` before the test's command writes both
/// files.
#[test]
fn what_is_told_of_keys_is_the_table() {
    for (name, made) in [("docs/experiments.md", document()), ("schemas/experiment.json", schema())] {
        if std::env::var_os("UPDATE").is_some() {
            fs::write(path(name), &made).unwrap();
        }
        let kept = fs::read_to_string(path(name)).unwrap();
        assert_eq!(kept, made, "see the change: UPDATE=1 cargo test what_is_told_of_keys_is_the_table");
    }
}

fn document() -> String {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let keys: Vec<String> = KEYS
        .iter()
        .map(|key| {
            let default = key.default().map(|default| code(&default)).unwrap_or_default();
            let istio = key.istio.unwrap_or("none");
            format!("| `{}` | {} | {default} | {} | {istio} |\n", key.name, shown(key, &schema), key.sentences())
        })
        .collect();
    format!(
        "# The keys of an arm\n\n\
         An arm is one thing that an experiment compares: `sidecar: {{plane: sidecar, retries: 5}}` below `arms:`. \
         [options.yaml](../experiments/options.yaml)\nshows every key of sidecars at work; `meshtax schema experiment` \
         prints the keys of a whole file. A test makes this file from\n\
         the table that the reader of experiments uses.\n\n\
         | key | values | default | what it does | in Istio |\n|---|---|---|---|---|\n{}\n\
         ## Defaults of a preset\n\n\
         A `preset` brings the defaults of a release and profile of Istio. Those of `probe_period` and `limits` are above; \
         all others are\nthose of every arm.\n\n\
         | key | without a preset | `istio-1.6-default` | `istio-1.9-demo` | `today` |\n|---|---|---|---|---|\n{}",
        keys.concat(),
        presets()
    )
}

/// Lines of the options whose defaults differ between presets.
fn presets() -> String {
    let presets = [Preset::Istio16Default, Preset::Istio19Demo, Preset::Today].map(Sidecar::of);
    let sidecars: Vec<Sidecar> = [Sidecar::default()].into_iter().chain(presets).collect();
    let mut lines = String::new();
    for key in KEYS.iter().filter(|key| key.default().is_some()) {
        let values: Vec<String> =
            sidecars.iter().filter_map(|sidecar| key.value(sidecar)).map(|value| code(&value)).collect();
        if values.iter().any(|value| *value != values[0]) {
            lines += &format!("| `{}` | {} |\n", key.name, values.join(" | "));
        }
    }
    lines
}

/// The values of a key, in words.
fn shown(key: &Key, schema: &Value) -> String {
    match &key.values {
        Values::Word(words) => listed(words.names()),
        Values::Number(number) => format!("{} to {}", number.least, number.most),
        Values::Share(_) => defined("share", schema),
        Values::Own(own) => {
            let values: Value = serde_json::from_str(&format!("{{ {} }}", own.schema)).unwrap();
            let any = values["anyOf"].as_array().cloned().unwrap_or_else(|| vec![values]);
            any.iter().map(|values| shown_own(values, schema)).collect::<Vec<_>>().join("; ")
        }
    }
}

fn shown_own(values: &Value, schema: &Value) -> String {
    match values["enum"].as_array() {
        Some(words) => listed(words.iter().filter_map(Value::as_str).collect()),
        None => defined(values["$ref"].as_str().unwrap().trim_start_matches("#/$defs/"), schema),
    }
}

fn listed(words: Vec<&str>) -> String {
    words.into_iter().filter(|word| !is_boolean(word)).map(code).collect::<Vec<_>>().join(", ")
}

/// The description of a definition, as part of a sentence.
fn defined(name: &str, schema: &Value) -> String {
    let description = schema["$defs"][name]["description"].as_str().unwrap();
    let (first, rest) = description.split_at(1);
    first.to_lowercase() + rest.trim_end_matches('.')
}

/// A value of JSON as it is written in YAML.
fn code(value: &str) -> String {
    format!("`{}`", value.replace('"', "").replace("{ ", "{").replace(" }", "}"))
}
