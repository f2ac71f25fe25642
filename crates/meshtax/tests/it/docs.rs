//! README.md and docs/: what they link to exists, what they show works, and they can be read. Each rule also falls to a
//! counterexample here, so that none holds only because it looks the wrong way.

mod command;
mod link;
mod sentence;

use testbed::Document;

const README_LINES_MAX: usize = 120;

/// A rule about documents: what breaks it, a line for each breach.
type Rule = fn(&[Document]) -> Vec<String>;

#[test]
fn links_lead_somewhere() {
    check(
        link::broken,
        &Document::all(),
        &[
            "See [the method](no-such-page.md).",
            "See [the method](method.md#no-such-heading).",
            "See\n[![a picture](no-such.png)](method.md).",
            "# Here\n\nSee [above](#there).",
            "| [a page](no-such-page.md) |",
        ],
    );
}

#[test]
fn files_in_commands_exist() {
    check(
        command::without_file,
        &Document::guides(),
        &[
            "```\nmeshtax run experiments/no-such.yaml --keep\n```",
            "```\nmeshtax run --topology no-such.yaml\n```",
            "| `meshtax check no-such.yaml` | never |",
            "```sh\nsudo meshtax agent --config no-such.yaml\n```",
        ],
    );
}

#[test]
fn commands_without_effect_work() {
    check(
        command::failing,
        &Document::guides(),
        &[
            "```\nmeshtax show experiments/no-such.yaml\n```",
            "```\nmeshtax run --no-such-option --help\n```",
            "```\nmeshtax schema no-such-kind\n```",
            "```\nmeshtax run experiments/no-such.yaml\n```",
        ],
    );
}

#[test]
fn files_that_are_shown_are_valid() {
    check(
        command::invalid_file,
        &Document::guides(),
        &[
            "```yaml\nname: a\nservices:\n  a: {prot: 80}\n```",
            "```yaml\nname: a\ntopology: no-such\narms:\n  a: {plane: none}\n```",
        ],
    );
}

#[test]
fn targets_of_make_exist() {
    check(command::without_target, &Document::all(), &["```\nmake no-such-target\n```", "| `make no-such-target` |"]);
}

#[test]
fn the_readme_is_a_door() {
    let long = "\n".repeat(README_LINES_MAX + 1);
    check_as("README.md", lengths, &Document::guides(), &[&long]);
}

#[test]
fn sentences_are_short() {
    let long = "word ".repeat(sentence::WORDS_MAX + 1);
    let many = "word ".repeat(sentence::WORDS_MEAN_MAX + 1);
    let in_list = format!("A list:\n\n- {}\n  {}", "word ".repeat(20), "word ".repeat(20));
    check(sentence::long, &Document::guides(), &[&long, &many, &in_list]);
}

fn lengths(documents: &[Document]) -> Vec<String> {
    let readme = documents.iter().find(|document| document.path == "README.md");
    let lines = readme.map_or(0, |readme| readme.text.lines().count());
    let breach =
        format!("README.md: {lines} lines; keep to {README_LINES_MAX}: move what newcomers can do without to docs/");
    if lines > README_LINES_MAX { vec![breach] } else { Vec::new() }
}

/// The rule holds for these documents, and each of these pages breaks it.
fn check(rule: Rule, documents: &[Document], counterexamples: &[&str]) {
    check_as("docs/counterexample.md", rule, documents, counterexamples);
}

fn check_as(path: &str, rule: Rule, documents: &[Document], counterexamples: &[&str]) {
    let breaches = rule(documents);
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    for text in counterexamples {
        let page = Document { path: path.to_owned(), text: (*text).to_owned() };
        assert!(!rule(&[page]).is_empty(), "nobody would notice\n{text}");
    }
}
