//! Who is behind translated addresses.

use std::net::IpAddr;

use crate::conntrack::Transport;
use crate::export::Reading;
use crate::ledger::Ledger;
use crate::metric::{Family, Kind};
use crate::place::Places;

/// Who asks a server of this name and port, and for which service: that of the address that was translated, or the
/// server itself.
pub fn asker(
    places: &Places,
    network: &str,
    transport: Transport,
    seen: IpAddr,
    server: (&str, u16),
) -> (Option<String>, String) {
    match places.asked(network, transport, seen, server) {
        Some(asked) => (places.owner(network, asked.client), asked.service.to_string()),
        None => (places.owner(network, seen), format!("{}:{}", server.0, server.1)),
    }
}

/// What is known of translated addresses; nothing where nobody looks.
pub fn families(reading: &Reading, ledger: &Ledger) -> Vec<Family> {
    let Some(told) = &reading.translations else { return Vec::new() };
    let mut known = Family::new(
        "meshtax_agent_translations",
        Kind::Gauge,
        "Ways of translated connections that the kernel's tables told at this reading.",
    );
    known.add(Vec::new(), told.translations.len() as f64);
    let mut missed = Family::new(
        "meshtax_agent_translations_missed_total",
        Kind::Counter,
        "Translations that found no room, and tables that could not be read: connections by these have fewer names.",
    );
    let counts = [("no_room", ledger.untold + ledger.places.untranslated()), ("unread", ledger.unread)];
    for (reason, count) in counts {
        missed.add(vec![("reason", reason.to_owned())], count as f64);
    }
    vec![known, missed]
}
