//! Who is behind translated addresses.

use crate::ledger::Ledger;
use crate::metric::{Family, MetricKind};
use crate::scrape::Scrape;

/// What is known of translated addresses; nothing where nobody looks.
pub fn families(reading: &Scrape, ledger: &Ledger) -> Vec<Family> {
    let Some(told) = &reading.translations else { return Vec::new() };
    let mut known = Family::new(
        "meshtax_agent_translations",
        MetricKind::Gauge,
        "Ways of translated connections that the kernel's tables told at this reading.",
    );
    known.add(Vec::new(), told.translations.len() as f64);
    let mut missed = Family::new(
        "meshtax_agent_translations_missed_total",
        MetricKind::Counter,
        "Translations that found no room, and tables that could not be read: connections by these have fewer names.",
    );
    let counts = [("no_room", ledger.untold + ledger.places.untranslated()), ("unread", ledger.unread)];
    for (reason, count) in counts {
        missed.add(vec![("reason", reason.into())], count as f64);
    }
    vec![known, missed]
}
