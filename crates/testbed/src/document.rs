//! Documents that people read, and the commands that they show.

use std::fs;
use std::path::{Path, PathBuf};

/// Programs whose commands must work as they are shown.
const PROGRAMS: [&str; 2] = ["meshtax", "make"];
/// Languages of fenced blocks that hold commands. Every other block holds a file or output.
const SHELLS: [&str; 5] = ["", "sh", "bash", "shell", "console"];
/// Words of a shell that end one command and begin another.
const OPERATORS: [&str; 5] = ["|", "||", "&&", "&", ";"];
/// Documents apart from README.md and docs/ whose links are checked.
const OTHERS: [&str; 3] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"];

/// A Markdown file of the repository.
#[derive(Clone, Debug)]
pub struct Document {
    /// Path from the root of the repository, with `/`.
    pub path: String,
    /// Content of the file.
    pub text: String,
}

/// The part of a document that a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind<'a> {
    /// A line of a fenced block with this language, which is empty where none is written.
    Fenced(&'a str),
    /// The first or last line of a fenced block.
    Fence,
    /// A row of a table.
    Table,
    /// A heading.
    Heading,
    /// An empty line.
    Blank,
    /// Part of a paragraph or of a list.
    Prose,
}

/// A command that a document shows.
#[derive(Clone, Debug)]
pub struct ShownCommand {
    /// File and line, such as `docs/agent.md:12`.
    pub place: String,
    /// The program and its arguments.
    pub words: Vec<String>,
}

impl ShownCommand {
    /// Returns whether the command starts this program.
    pub fn is_of(&self, program: &str) -> bool {
        self.words[0] == program
    }
}

impl Document {
    /// README.md and every page of docs/.
    pub fn guides() -> Vec<Document> {
        let mut paths = vec![root().join("README.md")];
        walk(&root().join("docs"), &mut paths);
        paths.iter().map(|path| Document::read(path)).collect()
    }

    /// The guides, and the documents for contributors.
    pub fn all() -> Vec<Document> {
        let others = OTHERS.iter().map(|name| Document::read(&root().join(name)));
        Document::guides().into_iter().chain(others).collect()
    }

    fn read(path: &Path) -> Document {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.strip_prefix(root()).expect("every document is below the root");
        Document { path: path.to_string_lossy().into_owned(), text }
    }

    /// Numbered lines, each with the part of the document that it belongs to.
    pub fn lines(&self) -> Vec<(usize, LineKind<'_>, &str)> {
        let mut language = None;
        let numbered = self.text.lines().enumerate();
        numbered.map(|(index, line)| (index + 1, kind(line, &mut language), line)).collect()
    }

    /// Commands in fenced blocks, and in the code of tables.
    pub fn commands(&self) -> Vec<ShownCommand> {
        let mut shown = Vec::new();
        let mut begun = String::new();
        for (number, kind, line) in self.lines() {
            let lines = match kind {
                LineKind::Fenced(language) if SHELLS.contains(&language) => {
                    begun.push_str(line.trim());
                    if let Some(open) = begun.strip_suffix('\\') {
                        begun = open.to_owned();
                        continue;
                    }
                    vec![std::mem::take(&mut begun)]
                }
                LineKind::Table => code(line),
                _ => Vec::new(),
            };
            let commands = lines.iter().flat_map(|line| commands_in(line));
            shown.extend(commands.map(|words| ShownCommand { place: format!("{}:{number}", self.path), words }));
        }
        shown
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the testbed is in crates/")
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
}

/// Returns the kind of a line. `language` is that of the open block, and is updated by the line.
fn kind<'a>(line: &'a str, language: &mut Option<&'a str>) -> LineKind<'a> {
    let line = line.trim();
    if let Some(opening) = line.strip_prefix("```") {
        *language = if language.is_some() { None } else { Some(opening.trim()) };
        return LineKind::Fence;
    }
    match (*language, line.chars().next()) {
        (Some(language), _) => LineKind::Fenced(language),
        (None, None) => LineKind::Blank,
        (None, Some('|')) => LineKind::Table,
        (None, Some('#')) => LineKind::Heading,
        (None, Some(_)) => LineKind::Prose,
    }
}

/// Returns the code between backticks in a row of a table.
fn code(row: &str) -> Vec<String> {
    row.split('`').skip(1).step_by(2).map(|code| code.replace("\\|", "|")).collect()
}

/// Commands of a line that start one of [`PROGRAMS`].
fn commands_in(line: &str) -> Vec<Vec<String>> {
    // After `# `, any other word begins a comment.
    let as_root = line.strip_prefix("# ").filter(|rest| rest.starts_with("meshtax ") || rest.starts_with("make "));
    let unprompted = line.strip_prefix("$ ").or(as_root).unwrap_or(line);
    let words = shlex::split(unprompted).unwrap_or_else(|| unprompted.split(' ').map(str::to_owned).collect());
    let commands = words.split(|word| OPERATORS.contains(&&**word)).map(command);
    commands.filter(|words| words.first().is_some_and(|word| PROGRAMS.contains(&&**word))).collect()
}

/// Removes from a command what the shell handles: variables before it, `sudo`, and redirections.
fn command(words: &[String]) -> Vec<String> {
    let is_assignment = |word: &&String| word.split_once('=').is_some_and(|(name, _)| name == name.to_uppercase());
    let words = words.iter().skip_while(|word| *word == "sudo" || is_assignment(word));
    let words = words.take_while(|word| !word.starts_with('>') && !word.starts_with("2>"));
    words.map(|word| word.strip_prefix("./").unwrap_or(word).to_owned()).collect()
}
