//! The walls of the house, checked by reading the source. Each wall is also tested against a counterexample, so that it
//! cannot pass by looking in the wrong place.

mod circles;
mod comments;
mod type_names;

use std::fs;
use std::path::Path;

use circles::circles;
use comments::riddles;
use type_names::{SHARED, doubled};

/// Every room, and what it may import; the door may import all.
const ROOMS: [(&str, &[&str]); 18] = [
    ("topology", &[]),
    ("cgroup", &[]),
    ("plane", &["topology"]),
    ("service", &["topology"]),
    ("ground", &["topology", "plane"]),
    ("lab", &["topology", "plane", "ground", "cgroup"]),
    ("traffic", &["measure"]),
    ("load", &["measure", "traffic"]),
    ("run", &["topology", "plane", "ground", "traffic", "experiment", "measure", "report"]),
    ("experiment", &["topology", "plane", "ground", "traffic", "measure"]),
    ("records", &[]),
    ("probe", &["records"]),
    ("attribution", &["records"]),
    ("meter", &["measure", "cgroup"]),
    ("measure", &[]),
    ("report", &["topology", "measure"]),
    ("agent", &["records", "probe", "attribution"]),
    (TESTBED, &[]),
];
const DOOR: &str = "meshtax";
/// The crate that tests share. It is never shipped.
const TESTBED: &str = "testbed";
const PAPER: [&str; 10] =
    ["topology", "cgroup", "plane", "ground", "traffic", "measure", "report", "experiment", "records", "attribution"];
const UNSAFE_FILES: [&str; 2] = ["crates/lab/src/namespace.rs", "crates/probe/src/statistics.rs"];
/// Files of the door that may write to standard output or standard error, or ask what they are: the one that escapes
/// control characters, progress, the full screen, and the roles of a lab, whose readers are programs.
const VOICES: [&str; 4] = ["output.rs", "status_line.rs", "role.rs", "watch/screen.rs"];
const NO_NOUNS: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "misc", "manager", "handler"];
const SOURCE_LINES_MAX: usize = 500;
const ARCHITECTURE_LINES_MAX: usize = 100;

/// A file of the repository.
struct File {
    /// Path from the root of the repository, with `/`.
    path: String,
    text: String,
}

/// A rule about files. Returns a line for each breach, with what to do instead.
type Wall = fn(&[File]) -> Vec<String>;

#[test]
fn rooms_import_only_what_the_design_allows() {
    check(
        imports,
        &[
            ("crates/plane/Cargo.toml", "[dependencies]\nmeasure.workspace = true"),
            ("crates/load/Cargo.toml", "[dev-dependencies]\nservice = { workspace = true }"),
            ("crates/measure/Cargo.toml", "[build-dependencies]\nlab = { path = \"../lab\" }"),
            ("crates/lab/Cargo.toml", "[target.'cfg(unix)'.dependencies.meter]\npath = \"../meter\""),
            ("crates/topology/Cargo.toml", "[dependencies]\nmeshtax.workspace = true"),
            ("crates/kitchen/Cargo.toml", "[package]\nname = \"kitchen\""),
        ],
    );
}

#[test]
fn nothing_that_ships_depends_on_the_testbed() {
    check(
        testbed,
        &[
            ("crates/lab/Cargo.toml", "[dependencies]\ntestbed.workspace = true"),
            ("crates/meshtax/Cargo.toml", "[build-dependencies.testbed]\npath = \"../testbed\""),
        ],
    );
}

#[test]
fn folders_bear_the_names_of_their_crates() {
    check(crate_names, &[("crates/plane/Cargo.toml", "[package]\nname = \"meshtax-plane\"")]);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    check(lints, &[("crates/plane/Cargo.toml", "[package]\nname = \"plane\"")]);
}

#[test]
fn only_the_door_prints_exits_and_reads_its_surroundings() {
    check(
        speech,
        &[
            ("crates/lab/src/pod.rs", "fn say() { println!(\"ready\") }"),
            ("crates/lab/src/pod.rs", "use std::process;\nfn end() { process::exit(1) }"),
            ("crates/report/src/text.rs", "fn colour() -> bool { std::env::var(\"NO_COLOR\").is_err() }"),
            ("crates/service/src/serve.rs", "fn own() { std::env::args(); }\n#[cfg(test)]\nmod tests;"),
        ],
    );
}

#[test]
fn the_door_has_one_voice() {
    check(
        voice,
        &[
            ("crates/meshtax/src/run.rs", "fn say() { std::io::stderr().write_all(b\"\\x1b\").ok(); }"),
            ("crates/meshtax/src/watch/udp.rs", "use std::io::stdout;\nfn say() { stdout().flush().ok(); }"),
        ],
    );
}

#[test]
fn paper_rooms_touch_nothing() {
    check(
        paper,
        &[
            ("crates/topology/src/read.rs", "fn read() { std::fs::read(\"a\"); }"),
            ("crates/plane/src/port.rs", "use std::{fs, io};\nfn read() { fs::read(\"a\"); }"),
            ("crates/measure/src/effect.rs", "use std::time::{Duration, Instant};"),
            ("crates/report/src/text.rs", "use std::thread;\nfn wait() { thread::yield_now() }"),
            ("crates/report/src/text.rs", "use std::net::{TcpStream};"),
            ("crates/attribution/src/tool.rs", "fn now() -> Zoned { Zoned::now() }"),
            ("crates/plane/src/tls.rs", "async fn wait() { tokio::task::yield_now().await }"),
        ],
    );
}

#[test]
fn unsafe_code_lives_where_the_style_says() {
    check(unsafe_code, &[("crates/meter/src/text.rs", "fn f() {\n    unsafe { g() }\n}")]);
}

#[test]
fn files_are_nouns() {
    check(
        names,
        &[
            ("crates/lab/src/pod/mod.rs", ""),
            ("crates/lab/src/util.rs", ""),
            ("crates/meshtax/tests/it/common/run.rs", ""),
            ("crates/lab/src/pod.rs", "pub(crate) mod helpers {}"),
        ],
    );
}

#[test]
fn crates_open_with_what_they_are() {
    check(openings, &[("crates/lab/src/lib.rs", "mod pod;\n"), ("crates/meshtax/src/main.rs", "// The door.\n")]);
}

#[test]
fn files_are_short() {
    let long = "\n".repeat(SOURCE_LINES_MAX + 1);
    check(lengths, &[("crates/lab/src/pod.rs", &long), ("ARCHITECTURE.md", &long)]);
}

#[test]
fn nothing_is_left_for_later() {
    check(
        leftovers,
        &[
            ("crates/lab/src/pod.rs", concat!("fn f() { to", "do!() }")),
            ("crates/lab/src/pod.rs", concat!("fn f() { un", "implemented!(\"v1\") }")),
            ("crates/lab/src/tests.rs", concat!("fn f() { db", "g!(1); }")),
            ("crates/meshtax/tests/it/cli.rs", concat!("#[test]\n#[ign", "ore = \"slow\"]\nfn f() {}")),
        ],
    );
}

#[test]
fn files_import_in_one_direction() {
    check(circles, &[]);
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let root = file("crates/lab/src/lib.rs", "mod node;\nmod pod;\npub use node::{Node, raise};\n");
    let node = file("crates/lab/src/node.rs", "use crate::{address, pod::{self, Pod}};\n");
    for back in ["use super::node::Node;\n", "fn f() -> crate::node::Node { g() }\n"] {
        let pod = file("crates/lab/src/pod.rs", back);
        let breaches = circles(&[file(&root.path, &root.text), file(&node.path, &node.text), pod]);
        assert!(breaches.iter().any(|breach| breach.contains("node, pod")), "nobody would notice {back}");
    }
}

#[test]
fn doc_comments_begin_with_their_subject() {
    check(riddles, &[("crates/lab/src/pod.rs", "/// Its name.\npub fn name() {}\n")]);
}

#[test]
fn a_type_name_stands_for_one_thing() {
    check(|files| doubled(files, &SHARED), &[]);
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let two =
        [file("crates/lab/src/link.rs", "pub struct Veth {"), file("crates/plane/src/port.rs", "type Veth = u16;")];
    assert_eq!(doubled(&two, &[]).len(), 1, "nobody would notice a name in two rooms");
}

/// Checks that the wall holds in this repository, and that each file of `counterexamples` breaks it.
fn check(wall: Wall, counterexamples: &[(&str, &str)]) {
    let breaches = wall(&house());
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    for (path, text) in counterexamples {
        let file = File { path: (*path).to_owned(), text: (*text).to_owned() };
        assert!(!wall(&[file]).is_empty(), "nobody would notice {path} with\n{text}");
    }
}

fn imports(files: &[File]) -> Vec<String> {
    let mut breaches = Vec::new();
    for (room, manifest) in manifests(files).filter(|(room, _)| *room != DOOR) {
        let Some((_, allowed)) = ROOMS.iter().find(|(known, _)| *known == room) else {
            breaches.push(format!(
                "crates/{room}: no such room; put its code into one that exists, or add it to ARCHITECTURE.md and here"
            ));
            continue;
        };
        let rooms = ROOMS.map(|(known, _)| known);
        let known = |name: &&str| *name == DOOR || rooms.contains(name);
        let imports = dependencies(&manifest.text).into_iter().map(|(_, name)| name).filter(known);
        for import in imports.filter(|name| *name != TESTBED && !allowed.contains(name)) {
            breaches
                .push(format!("{}: must not import `{import}`; let the door pass values between them", manifest.path));
        }
    }
    breaches
}

fn testbed(files: &[File]) -> Vec<String> {
    let ships = |manifest: &File| {
        let mut dependencies = dependencies(&manifest.text).into_iter();
        dependencies.any(|(section, name)| name == TESTBED && !section.starts_with("dev-"))
    };
    let breaches = manifests(files).filter(|(_, manifest)| ships(manifest));
    breaches.map(|(_, manifest)| format!("{}: `testbed` may be a dev-dependency only", manifest.path)).collect()
}

/// Sections and names of all dependencies in a manifest, such as `("dev-dependencies", "insta")`.
fn dependencies(manifest: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut section = None;
    for line in manifest.lines() {
        if let Some(title) = line.trim().strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = title.ends_with("dependencies").then_some(title);
            found.extend(title.split_once("dependencies.").map(|(_, name)| (title, name)));
        } else if let Some(section) = section {
            found
                .extend(line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty()).map(|name| (section, name)));
        }
    }
    found
}

fn crate_names(files: &[File]) -> Vec<String> {
    let misnamed = manifests(files).filter(|(room, file)| !file.text.contains(&format!("\nname = \"{room}\"\n")));
    misnamed.map(|(room, file)| format!("{}: name the package `{room}`, as its folder", file.path)).collect()
}

fn lints(files: &[File]) -> Vec<String> {
    let without = manifests(files).filter(|(_, file)| !file.text.contains("[lints]\nworkspace = true\n"));
    without.map(|(_, file)| format!("{}: add `[lints]` with `workspace = true`", file.path)).collect()
}

fn speech(files: &[File]) -> Vec<String> {
    let words = [
        "print!",
        "println!",
        "eprint!",
        "eprintln!",
        "io::stdout",
        "io::stderr",
        "process::exit",
        "process::abort",
        "env::args",
        "env::args_os",
        "env::var",
        "env::var_os",
        "env::vars",
        "env::vars_os",
    ];
    let rooms = files.iter().filter(|file| room(file).is_some_and(|room| room != DOOR && room != TESTBED));
    uses(rooms, &words, "return a value, or take a writer; only the door speaks and looks round")
}

fn voice(files: &[File]) -> Vec<String> {
    let is_other = |path: &str| path.strip_prefix("crates/meshtax/src/").is_some_and(|own| !VOICES.contains(&own));
    let others = files.iter().filter(|file| is_other(&file.path));
    uses(others, &["stdout()", "stderr()"], "speak through `output`, which writes out what a terminal would obey")
}

fn paper(files: &[File]) -> Vec<String> {
    // A bare word may be part of a text; followed by `::`, it is a module.
    let words = [
        "std::fs",
        "fs::",
        "std::thread",
        "thread::",
        "tokio::",
        "TcpListener",
        "TcpStream",
        "UdpSocket",
        "UnixListener",
        "UnixStream",
        "Instant",
        "SystemTime",
        "Zoned::now",
        "unsafe",
    ];
    let rooms = files.iter().filter(|file| room(file).is_some_and(|room| PAPER.contains(&room)));
    uses(rooms, &words, "take the value as an argument; paper rooms have no files, sockets, clocks, threads")
}

fn unsafe_code(files: &[File]) -> Vec<String> {
    let others = files.iter().filter(|file| room(file).is_some() && !UNSAFE_FILES.contains(&&*file.path));
    uses(others, &["unsafe"], "use a safe wrapper, such as nix's")
}

fn names(files: &[File]) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in sources(files) {
        let mut parts = file.path.trim_end_matches(".rs").split('/');
        if parts.clone().next_back() == Some("mod") {
            breaches.push(format!("{}: name it after its folder, beside the folder", file.path));
        }
        let words = code(&file.text).map(|(_, line)| line);
        let mut modules = words
            .filter_map(|line| line.split_once("mod ").map(|(_, name)| name.trim_end_matches([';', ' ', '{', '}'])));
        if let Some(name) =
            parts.find(|part| NO_NOUNS.contains(part)).or_else(|| modules.find(|name| NO_NOUNS.contains(name)))
        {
            breaches.push(format!("{}: `{name}` says nothing; name it after the noun that it holds", file.path));
        }
    }
    breaches
}

fn openings(files: &[File]) -> Vec<String> {
    let roots = sources(files).filter(|file| file.path.ends_with("src/lib.rs") || file.path.ends_with("src/main.rs"));
    let silent = roots.filter(|file| !file.text.starts_with("//! "));
    silent
        .map(|file| format!("{}: open with `//!`: what comes in, what goes out, what it never does", file.path))
        .collect()
}

fn lengths(files: &[File]) -> Vec<String> {
    let limit = |file: &File| match room(file) {
        Some(_) => SOURCE_LINES_MAX,
        None if file.path == "ARCHITECTURE.md" => ARCHITECTURE_LINES_MAX,
        None => usize::MAX,
    };
    let long = files.iter().map(|file| (file, file.text.lines().count())).filter(|(file, lines)| *lines > limit(file));
    long.map(|(file, lines)| {
        format!("{}: {lines} lines; keep to {}: move a noun to a file of its own", file.path, limit(file))
    })
    .collect()
}

fn leftovers(files: &[File]) -> Vec<String> {
    // The marks are written in parts, so that this file obeys its own rule.
    let marks = [concat!("to", "do!("), concat!("un", "implemented!("), concat!("db", "g!("), concat!("#[ign", "ore")];
    let mut breaches = Vec::new();
    for file in sources(files) {
        for mark in marks.iter().filter(|mark| file.text.contains(**mark)) {
            breaches.push(format!("{}: has `{mark}`; finish it, or remove it", file.path));
        }
    }
    breaches
}

/// Breaches for each use of one of `words` in the shipped code of `files`, without tests and comments.
fn uses<'a>(files: impl Iterator<Item = &'a File>, words: &[&str], instead: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in files.filter(|file| !is_test(&file.path)) {
        let shipped = file.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for (number, line) in code(shipped) {
            for word in words.iter().filter(|word| has_word(line, word)) {
                breaches.push(format!("{}:{number}: uses `{word}`; {instead}", file.path));
            }
        }
    }
    breaches
}

/// Numbered lines that are not comments.
pub fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn has_word(line: &str, word: &str) -> bool {
    let inner = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(word).any(|(start, _)| {
        let after = &line[start + word.len()..];
        !inner(line[..start].chars().next_back()) && (word.ends_with("::") || !inner(after.chars().next()))
    })
}

/// The room whose `src` holds the file.
fn room(file: &File) -> Option<&str> {
    let (room, rest) = file.path.strip_prefix("crates/")?.split_once('/')?;
    (rest.starts_with("src/") && rest.ends_with(".rs")).then_some(room)
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

fn manifests(files: &[File]) -> impl Iterator<Item = (&str, &File)> {
    files.iter().filter_map(|file| {
        let room = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        Some((room, file))
    })
}

fn sources(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.path.ends_with(".rs"))
}

/// Manifests, Rust sources and Markdown of this repository.
fn house() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the door is in crates/");
    let mut files = Vec::new();
    walk(&root, &root.join("crates"), &mut files);
    files.extend(file(&root, &root.join("ARCHITECTURE.md")));
    assert!(manifests(&files).any(|(room, _)| room == DOOR) && sources(&files).count() > 50, "the house was not found");
    files
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "toml") {
            files.extend(file(root, &path));
        }
    }
}

/// The file at `path`, if there is one.
fn file(root: &Path, path: &Path) -> Option<File> {
    let name = path.strip_prefix(root).expect("everything is below the root").to_string_lossy().into_owned();
    Some(File { path: name, text: fs::read_to_string(path).ok()? })
}
