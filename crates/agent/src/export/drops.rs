//! Packets that the kernel dropped, as metrics.

use probe::DropLosses;

use crate::label::Labels;
use crate::metric::{Family, Kind};

pub(super) fn families<'a>(
    sums: impl Iterator<Item = (&'a (bool, Labels), &'a u64)>,
    losses: &DropLosses,
) -> [Family; 4] {
    let counter = |name, help| Family::new(name, Kind::Counter, help);
    let mut drops = counter("meshtax_drops_total", "Packets that the kernel dropped.");
    let mut benign =
        counter("meshtax_benign_drops_total", "Packets that the kernel dropped for a reason that is no loss.");
    for ((is_benign, labels), count) in sums {
        let family = if *is_benign { &mut benign } else { &mut drops };
        family.add(labels.clone(), *count as f64);
    }
    let mut overflow = counter(
        "meshtax_agent_drop_series_overflow_total",
        "Times that a drop was counted as `other` for want of room.",
    );
    overflow.add(Vec::new(), losses.series as f64);
    let mut unowned =
        counter("meshtax_agent_drop_sockets_unowned_total", "Sockets whose owner the kernel had no memory to note.");
    unowned.add(Vec::new(), losses.owners as f64);
    [drops, benign, overflow, unowned]
}
