//! Reads YAML as experiments use it.

use serde::de::DeserializeOwned;
use topology::Mistake;

/// Reads an experiment file as a `T`. YAML takes the key `null` for no value, so it is read as if it were quoted.
/// Places after the added quotes are corrected to those in the file.
pub fn read_yaml<T: DeserializeOwned>(text: &str) -> Result<T, Mistake> {
    let quoted = |line: &str| line.strip_prefix("null:").map(|rest| format!("\"null\":{rest}"));
    let lines: Vec<String> = text.lines().map(|line| quoted(line).unwrap_or_else(|| line.to_owned())).collect();
    topology::read_yaml(&lines.join("\n")).map_err(|mut fault: Mistake| {
        let line = usize::try_from(fault.line).ok().and_then(|line| lines.get(line.checked_sub(1)?));
        if line.is_some_and(|line| line.starts_with("\"null\":")) {
            fault.column = fault.column.saturating_sub(2).max(1);
        }
        fault
    })
}
