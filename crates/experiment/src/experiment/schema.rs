//! The JSON Schema of an experiment file. The keys of an arm are made from their table; the rest is kept by hand.
//! `schemas/experiment.json` is a copy for editors.

use serde_json::Value;

use super::key::{KEYS, Key, Values};

/// The schema without the keys of an arm.
const FRAME: &str = include_str!("schema.json");

/// The complete schema, as text.
pub fn schema() -> String {
    let lines: Vec<String> =
        KEYS.iter().map(|key| format!("\n        {}: {}", quoted(key.name), property(key))).collect();
    FRAME.replacen("\"properties\": {}", &format!("\"properties\": {{{}\n      }}", lines.join(",")), 1)
}

fn property(key: &Key) -> String {
    let values = values(&key.values);
    let default = key.default().map(|value| format!(", \"default\": {value}")).unwrap_or_default();
    let istio = key.istio.map(|istio| format!(" In Istio: {istio}.")).unwrap_or_default();
    format!("{{ {values}{default}, \"description\": {} }}", quoted(&(key.sentences() + &istio)))
}

/// The schema of a key's values. Words that YAML may take for a boolean or a number can also be written as such.
fn values(values: &Values) -> String {
    match values {
        Values::Word(words) => {
            let names = words.names();
            let is_other = |word: &&str| word.parse::<bool>().is_ok() || word.parse::<f64>().is_ok();
            let others = names.iter().copied().filter(is_other).map(str::to_owned);
            let words: Vec<String> = names.iter().copied().map(quoted).chain(others).collect();
            format!("\"enum\": [{}]", words.join(", "))
        }
        Values::Number(number) => format!(
            "\"anyOf\": [{{ \"type\": \"integer\", \"minimum\": {}, \"maximum\": {} }}, {{ \"$ref\": \"#/$defs/digits\" }}]",
            number.least, number.most
        ),
        Values::Share(_) => "\"$ref\": \"#/$defs/share\"".to_owned(),
        Values::Own(own) => own.schema.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
