use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::server::{Prometheus, promtool};
use testbed::words;

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../dashboards", name].iter().collect()
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// Returns the queries of the panels.
fn questions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&text("meshtax.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

/// Returns the names of the metrics in a text, with the suffixes of their samples.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("istio_tcp_") || word.starts_with("meshtax_")).collect()
}

#[test]
fn alerts_fire_for_what_they_name_and_nothing_else() {
    for (check, name) in [("check", "alerts.yaml"), ("test", "alerts.test.yaml")] {
        let output = promtool().args([check, "rules"]).arg(file(name)).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
    }
}

/// Checks that every metric in the dashboard and the alerts is in an answer of the agent.
pub fn ask_for_what_the_agent_tells(answer: &str) {
    let questions = questions().join("\n");
    let alerts = text("alerts.yaml");
    let asked: BTreeSet<&str> = metrics(&questions).union(&metrics(&alerts)).copied().collect();
    assert!(asked.len() > 20, "{asked:?}");
    let told = metrics(answer);
    let missing: Vec<&&str> = asked.difference(&told).collect();
    assert!(missing.is_empty(), "the agent does not tell {missing:?}: {answer}");
}

/// Checks that Prometheus understands every query, and has an answer to those about the agent's metrics.
pub fn are_answered(prometheus: &Prometheus) {
    for question in questions() {
        let answers = prometheus.all(&question.replace("$__rate_interval", "1m"));
        assert!(!answers.is_empty(), "nothing answers `{question}`");
    }
}
