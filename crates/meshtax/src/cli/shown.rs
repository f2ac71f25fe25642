//! Commands that README.md and docs/ show are commands that this program understands.

use clap::Parser;
use clap::error::ErrorKind;
use testbed::Document;

use crate::cli::Cli;

/// Options whose values are looked up on the machine, and a value that every machine has.
fn values() -> [(&'static str, String); 4] {
    let own = std::process::id().to_string();
    [("--pid", own.clone()), ("-p", own), ("--cgroup", "1".to_owned()), ("--netns", "1".to_owned())]
}

/// The reason why the program does not understand the words of a command.
fn refusal(words: &[String]) -> Option<String> {
    let mut words = words.to_vec();
    for (option, value) in values() {
        let named = words.iter().position(|word| word == option).and_then(|found| words.get_mut(found + 1));
        if let Some(named) = named {
            *named = value;
        }
    }
    match Cli::try_parse_from(words) {
        Err(error) if !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Some(error.to_string())
        }
        _ => None,
    }
}

#[test]
fn commands_that_documents_show_are_understood() {
    let documents = Document::guides();
    let shown: Vec<_> = documents.iter().flat_map(Document::commands).filter(|shown| shown.is_of("meshtax")).collect();
    assert!(shown.len() > 20, "the documents show few commands: {shown:?}");
    let refused = shown.iter().filter_map(|shown| Some(format!("{}: {}", shown.place, refusal(&shown.words)?)));
    let refused: Vec<String> = refused.collect();
    assert!(refused.is_empty(), "\n{}", refused.join("\n"));
}

#[test]
fn commands_that_do_not_work_are_found() {
    let text = "```\nmeshtax run --topolgy a.yaml\nsudo meshtax compare runs/A  # one run\n```\n\n\
                | `meshtax life --port 0` | never |\n\n```text\nmeshtax of a report\n```\n";
    let page = Document { path: "docs/page.md".to_owned(), text: text.to_owned() };
    let commands = page.commands();
    let places: Vec<&str> = commands.iter().map(|shown| &*shown.place).collect();
    assert_eq!(places, ["docs/page.md:2", "docs/page.md:3", "docs/page.md:6"]);
    assert!(commands.iter().all(|shown| refusal(&shown.words).is_some()), "nobody would notice {commands:?}");
    assert_eq!(refusal(&["meshtax".to_owned(), "life".to_owned(), "--pid".to_owned(), "4242".to_owned()]), None);
}
