use measure::Caution;

use crate::paragraph::paragraph;

/// What is said of numbers that are not to be believed.
pub(crate) const FATAL: &str = "do not trust these numbers";

/// Cautions because of which numbers are not to be believed, in lines of at most 80 columns: they stand above the answer.
pub fn warnings(cautions: &[Caution]) -> String {
    fatal(cautions).map(|one| paragraph(&format!("caution {}: {FATAL}: {}", one.kind, one.text), 2)).collect()
}

/// The other cautions, in lines.
pub(crate) fn cautions(cautions: &[Caution]) -> String {
    let others = cautions.iter().filter(|caution| !caution.fatal);
    others.map(|one| paragraph(&format!("caution {}: {}", one.kind, one.text), 2)).collect()
}

/// Cautions because of which numbers are not to be believed.
pub(crate) fn fatal(cautions: &[Caution]) -> impl Iterator<Item = &Caution> {
    cautions.iter().filter(|caution| caution.fatal)
}
