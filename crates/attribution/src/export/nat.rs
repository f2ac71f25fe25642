//! Metrics of translated addresses.

use crate::ledger::Ledger;
use crate::metric::{Family, MetricKind};
use crate::scrape::Scrape;

/// Returns metrics of address translations; none if the agent does not read them.
pub fn families(reading: &Scrape, ledger: &Ledger) -> Vec<Family> {
    let Some(told) = &reading.translations else { return Vec::new() };
    let mut known = Family::new(
        "meshtax_agent_translations",
        MetricKind::Gauge,
        "Address translations found in the kernel's tables at this reading.",
    );
    known.add(Vec::new(), told.translations.len() as f64);
    let mut missed = Family::new(
        "meshtax_agent_translations_missed_total",
        MetricKind::Counter,
        "Address translations left out for lack of room, and tables that could not be read, by reason.",
    );
    let counts = [("no_room", ledger.untold + ledger.places.untranslated()), ("unread", ledger.unread)];
    for (reason, count) in counts {
        missed.add(vec![("reason", reason.into())], count as f64);
    }
    vec![known, missed]
}
