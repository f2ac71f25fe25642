//! A type's name means one thing in the whole house, or its meanings are listed here.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, TESTBED, code, is_test, room, sources};

/// Names of types in several rooms, and why one word serves all of them.
pub const SHARED: [(&str, &str); 4] = [
    ("Arm", "what is compared: as an experiment asks for it, and as a measurement tells of it"),
    ("Node", "where an arm stands: the run's trait, and the lab's implementation"),
    ("Pod", "what runs a service: as a topology has it, and as a lab stands it up"),
    ("ServeError", "why the loop `serve` of a room ended"),
];

/// A line for each name that several rooms define without an entry in `shared`, and for each entry that is no longer
/// needed.
pub fn doubled(files: &[File], shared: &[(&str, &str)]) -> Vec<String> {
    let mut rooms: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in sources(files).filter(|file| !is_test(&file.path)) {
        let Some(room) = room(file).filter(|room| *room != TESTBED) else { continue };
        for name in code(&file.text).filter_map(|(_, line)| type_name(line)) {
            rooms.entry(name).or_default().insert(room);
        }
    }
    let listed = |name: &str| shared.iter().any(|(known, _)| *known == name);
    let is_shared = |name: &str| rooms.get(name).is_some_and(|rooms| rooms.len() > 1);
    let unlisted = rooms.iter().filter(|(name, rooms)| rooms.len() > 1 && !listed(name)).map(|(name, rooms)| {
        let rooms: Vec<&str> = rooms.iter().copied().collect();
        format!("`{name}` is a type in {}; rename one, or list it in type_names.rs with a reason", rooms.join(", "))
    });
    let stale = shared.iter().filter(|(name, _)| !is_shared(name));
    unlisted
        .chain(stale.map(|(name, _)| format!("`{name}` in type_names.rs has one room at most; remove it")))
        .collect()
}

/// The name of the type whose definition begins on an unindented line.
fn type_name(line: &str) -> Option<&str> {
    let line = ["pub(crate) ", "pub(super) ", "pub "].iter().find_map(|seen| line.strip_prefix(seen)).unwrap_or(line);
    let rest = ["struct ", "enum ", "trait ", "type "].iter().find_map(|kind| line.strip_prefix(kind))?;
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    Some(&rest[..end.unwrap_or(rest.len())])
}
