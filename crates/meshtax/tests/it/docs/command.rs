//! Commands and files that documents show. `cli/shown` holds that the program understands every command; here are those
//! that can be tried, since they change nothing.

use std::fs;
use std::path::Path;

use testbed::{Document, LineKind, ShownCommand, meshtax, root, words};

/// Subcommands that only print.
const PRINTING: [&str; 5] = ["check", "show", "schema", "completions", "--version"];

/// A line for each command that names a file which neither the repository nor a document has.
pub fn without_file(documents: &[Document]) -> Vec<String> {
    let shown: Vec<String> = files(documents).into_iter().filter_map(|file| file.name).collect();
    let commands = commands(documents, "meshtax").into_iter();
    let missing = commands.filter_map(|command| {
        let file = file_of(&command.words)?.to_owned();
        let is_known = shown.contains(&file) || is_there(&file);
        (!is_known).then(|| format!("{}: there is no file `{file}`", command.place))
    });
    missing.collect()
}

/// A line for each command that only prints and fails, and for each experiment that could not run.
pub fn failing(documents: &[Document]) -> Vec<String> {
    let folder = folder(documents);
    let mut breaches = Vec::new();
    for command in commands(documents, "meshtax") {
        let Some(arguments) = harmless(&command.words) else { continue };
        let output = meshtax().args(&arguments).current_dir(folder.path()).output().unwrap();
        if !output.status.success() {
            breaches.push(format!("{}: meshtax {}: {}", command.place, arguments.join(" "), words(&output)));
        }
    }
    breaches
}

/// A line for each topology or experiment in a document that `meshtax check` refuses.
pub fn invalid_file(documents: &[Document]) -> Vec<String> {
    let folder = folder(documents);
    let mut breaches = Vec::new();
    for file in files(documents) {
        let path = folder.path().join("shown.yaml");
        fs::write(&path, &file.text).unwrap();
        let output = meshtax().arg("check").arg(&path).current_dir(folder.path()).output().unwrap();
        if !output.status.success() {
            breaches.push(format!("{}: {}", file.place, words(&output)));
        }
    }
    breaches
}

/// A line for each `make TARGET` whose target the Makefile lacks.
pub fn without_target(documents: &[Document]) -> Vec<String> {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let rules =
        makefile.lines().filter(|line| !line.starts_with(['\t', ' ', '#'])).filter_map(|line| line.split_once(':'));
    let targets: Vec<&str> = rules.flat_map(|(targets, _)| targets.split(' ')).collect();
    let mut breaches = Vec::new();
    for command in commands(documents, "make") {
        let asked = command.words[1..].iter().filter(|word| !word.contains('=') && !word.starts_with('-'));
        let missing = asked.filter(|target| !targets.contains(&&***target));
        breaches.extend(missing.map(|target| format!("{}: the Makefile has no target `{target}`", command.place)));
    }
    breaches
}

/// A topology or an experiment that a document shows.
struct ShownFile {
    place: String,
    /// The name that the sentence before it gives to it.
    name: Option<String>,
    text: String,
}

/// Every topology and every experiment in the documents.
fn files(documents: &[Document]) -> Vec<ShownFile> {
    let files = documents.iter().flat_map(files_in);
    files.filter(|file| file.text.lines().any(|line| line == "services:" || line == "arms:")).collect()
}

fn files_in(document: &Document) -> Vec<ShownFile> {
    let mut files: Vec<ShownFile> = Vec::new();
    let mut before = "";
    let mut is_open = false;
    for (number, kind, line) in document.lines() {
        match kind {
            LineKind::Prose => before = line,
            LineKind::Fenced("yaml") if is_open => {
                let file = files.last_mut().expect("a block has begun");
                file.text = format!("{}{line}\n", file.text);
            }
            LineKind::Fenced("yaml") => {
                let place = format!("{}:{number}", document.path);
                let name = before.split('`').skip(1).step_by(2).find(|code| code.ends_with(".yaml"));
                files.push(ShownFile { place, name: name.map(str::to_owned), text: format!("{line}\n") });
            }
            _ => {}
        }
        is_open = matches!(kind, LineKind::Fenced("yaml"));
    }
    files
}

/// A folder with the files that documents give a name to.
fn folder(documents: &[Document]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files(documents) {
        let Some(name) = &file.name else { continue };
        fs::write(folder.path().join(name), &file.text).unwrap();
    }
    folder
}

fn commands(documents: &[Document], program: &str) -> Vec<ShownCommand> {
    let commands = documents.iter().flat_map(Document::commands);
    commands.filter(|command| command.is_of(program)).collect()
}

/// The file that a command reads: an experiment, a topology, or a configuration of the agent.
fn file_of(words: &[String]) -> Option<&str> {
    let after = |option: &str| words.iter().position(|word| word == option).and_then(|found| words.get(found + 1));
    let named = match words.get(1)?.as_str() {
        "run" => after("--topology").or_else(|| words.get(2)),
        "check" | "show" => words.get(2),
        "agent" => after("--config"),
        _ => None,
    };
    named.map(String::as_str).filter(|file| !file.starts_with('-') && !is_placeholder(file))
}

/// Whether the reader is to put a name of his own there, such as `FILE`.
fn is_placeholder(file: &str) -> bool {
    file.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
}

/// Whether the repository has the file, or an installation.
fn is_there(file: &str) -> bool {
    let path = Path::new(file);
    path.is_absolute() || root().join(path).exists() || root().join("packaging").join(path).exists()
}

/// Arguments with which the command changes nothing: its own, or those that check what it would run.
fn harmless(words: &[String]) -> Option<Vec<String>> {
    let verb = words.get(1)?.as_str();
    if PRINTING.contains(&verb) || words.iter().any(|word| word == "--help") {
        let is_open = words.iter().any(|word| is_placeholder(word));
        return (!is_open).then(|| words[1..].to_vec());
    }
    let file = file_of(words).filter(|_| verb == "run")?;
    Some(vec!["check".to_owned(), file.to_owned()])
}
