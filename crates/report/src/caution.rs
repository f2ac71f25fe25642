use measure::Caution;

use crate::paragraph::paragraph;

/// What is said of numbers that a strict run is refused for.
pub(crate) const FATAL: &str = "do not trust these numbers";

/// Warnings in lines, those that forbid to trust the numbers first.
pub(crate) fn cautions(cautions: &[Caution]) -> String {
    let line = |caution: &Caution| {
        let fatal = if caution.fatal { format!("{FATAL}: ") } else { String::new() };
        paragraph(&format!("caution {}: {fatal}{}", caution.kind, caution.text), 2)
    };
    ranked(cautions).into_iter().map(line).collect()
}

/// Those that forbid to trust the numbers before the others.
pub(crate) fn ranked(cautions: &[Caution]) -> Vec<&Caution> {
    let (fatal, others): (Vec<&Caution>, Vec<&Caution>) = cautions.iter().partition(|caution| caution.fatal);
    fatal.into_iter().chain(others).collect()
}
