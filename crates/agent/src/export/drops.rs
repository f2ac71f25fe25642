//! Packets that the kernel dropped, as metrics.

use probe::{DropKey, DropLosses};

use crate::metric::{Family, Kind, Labels};
use crate::who::Namer;

use super::UNKNOWN;

pub(super) fn families(series: &[(DropKey, u64)], losses: &DropLosses, namer: &mut Namer) -> [Family; 4] {
    let counter = |name, help| Family::new(name, Kind::Counter, help);
    let mut drops = counter("meshtax_drops_total", "Packets that the kernel dropped.");
    let mut benign =
        counter("meshtax_benign_drops_total", "Packets that the kernel dropped for a reason that is no loss.");
    for (key, count) in series.iter().filter(|(_, count)| *count > 0) {
        let family = if key.benign { &mut benign } else { &mut drops };
        family.add(labels(key, namer), *count as f64);
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

/// A namespace without a name, such as the host's own, is not known by its number: numbers come and go.
fn labels(key: &DropKey, namer: &mut Namer) -> Labels {
    let pod = namer.who(key.netns, 0).pod;
    let workload = if pod.is_empty() { UNKNOWN.to_owned() } else { pod };
    vec![("reason", key.reason.clone()), ("protocol", key.protocol.clone()), ("workload", workload)]
}
