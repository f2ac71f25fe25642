//! Files of a room import one another in one direction only, so that each can be read and moved together with what lies
//! below it.
//!
//! Imports from a file by its own folder's files are left out, because they are parts of one module. So are names that
//! a crate's root re-exports, which do not show where they come from.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, code, room, sources};

/// The path of a module within its crate, such as `["bpf", "object"]`. The crate's root has an empty path.
type Module = Vec<String>;

/// A line for each circle of files.
pub fn circles(files: &[File]) -> Vec<String> {
    let rooms: BTreeSet<&str> = sources(files).filter_map(room).collect();
    let circle = |room: &str| {
        let tied = tied(&arrows(files, room));
        (!tied.is_empty()).then(|| {
            format!(
                "crates/{room}: these files import one another: {}; move what they share below them",
                tied.join(", ")
            )
        })
    };
    rooms.into_iter().filter_map(circle).collect()
}

/// The modules that each file of a room imports, written `a::b`.
fn arrows(files: &[File], room: &str) -> BTreeMap<String, BTreeSet<String>> {
    let modules: BTreeMap<Module, &File> =
        sources(files).filter_map(|file| Some((module_of(room, &file.path)?, file))).collect();
    let mut arrows = BTreeMap::new();
    for (module, file) in modules.iter().filter(|(module, _)| !module.is_empty()) {
        let imported = paths(&file.text).into_iter().filter_map(|path| {
            let path = absolute(module, &path)?;
            let known = |length: &usize| modules.contains_key(&path[..*length]);
            let target = &path[..(1..=path.len()).rev().find(known)?];
            (!module.starts_with(target)).then(|| target.join("::"))
        });
        arrows.insert(module.join("::"), imported.collect());
    }
    arrows
}

/// The files that remain after repeatedly removing those that import no other, or that no other imports.
fn tied(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut left: BTreeSet<&String> = arrows.keys().collect();
    loop {
        let imports = |from: &String, to: &String| arrows[from].contains(to);
        let is_tied = |module: &&String| {
            left.iter().any(|other| imports(module, other)) && left.iter().any(|other| imports(other, module))
        };
        let fewer: BTreeSet<&String> = left.iter().copied().filter(is_tied).collect();
        if fewer.len() == left.len() {
            return left.into_iter().cloned().collect();
        }
        left = fewer;
    }
}

/// The module of a room's file; `None` for tests.
fn module_of(room: &str, path: &str) -> Option<Module> {
    let below = path.strip_prefix("crates/")?.strip_prefix(room)?.strip_prefix("/src/")?.strip_suffix(".rs")?;
    match below {
        "lib" | "main" => Some(Vec::new()),
        _ if below.split('/').any(|part| part == "tests") => None,
        _ => Some(below.split('/').map(str::to_owned).collect()),
    }
}

/// Every path that a file imports from its own crate, without its tests.
fn paths(text: &str) -> Vec<Vec<String>> {
    let used = statements(text).filter_map(|statement| Some(statement.split_once("use ")?.1.to_owned()));
    let mut paths: Vec<Vec<String>> = used.flat_map(|tree| branches(&tree)).collect();
    for line in shipped(text) {
        let inline = line.match_indices("crate::").map(|(at, _)| {
            let rest = &line[at..];
            let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':');
            rest[..end.unwrap_or(rest.len())].split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
        });
        paths.extend(inline);
    }
    paths
}

/// Lines of code before the tests.
fn shipped(text: &str) -> impl Iterator<Item = &str> {
    code(text).map(|(_, line)| line).take_while(|line| !line.contains("#[cfg(test)]"))
}

/// The statements of a file up to its tests, each in one line.
fn statements(text: &str) -> impl Iterator<Item = String> {
    shipped(text).collect::<Vec<_>>().join(" ").split(';').map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// The paths of a tree such as `crate::a::{B, c::{self, D}}`.
fn branches(tree: &str) -> Vec<Vec<String>> {
    let Some((stem, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        return vec![path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let stem: Vec<String> = stem.trim().split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let mut depth = 0;
    let split = inner.split(|letter| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    });
    let parts = split.filter(|part| !part.trim().is_empty()).flat_map(branches);
    parts
        .map(|part| stem.iter().cloned().chain(part).filter(|name| name != "self" || stem.is_empty()).collect())
        .collect()
}

/// A path from the crate's root, or `None` if it leads out of the crate.
fn absolute(module: &Module, path: &[String]) -> Option<Module> {
    let mut base = module.clone();
    let mut rest = path.iter().peekable();
    match rest.next()?.as_str() {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            base.pop();
            while rest.next_if(|part| *part == "super").is_some() {
                base.pop();
            }
        }
        _ => return None,
    }
    Some(base.into_iter().chain(rest.cloned()).collect())
}

#[test]
fn trees_have_branches() {
    let told = branches("crate::a::{B, c::{self, D}, e as f}").iter().map(|path| path.join("::")).collect::<Vec<_>>();
    assert_eq!(told, ["crate::a::B", "crate::a::c", "crate::a::c::D", "crate::a::e"]);
}
