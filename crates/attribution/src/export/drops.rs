//! Packets that the kernel dropped, as metrics.

use records::{CounterKey, DropKey, DropLosses};

use crate::account::Accounted;
use crate::label::{Labels, OTHER};
use crate::metric::{Family, MetricKind};
use crate::namer::Namer;
use crate::peer::UNKNOWN;
use crate::place::{Places, name_of};
use crate::totals::Owner;

impl Accounted for DropKey {
    type Series = u64;
    type Losses = DropLosses;
    /// By whether nobody misses them, too.
    type Group = (bool, Labels);

    const WITNESS: &'static str = "drops";

    /// A namespace in all its control groups; a packet may have none.
    fn owner(&self) -> Option<Owner> {
        (self.netns != 0).then_some((self.netns, 0))
    }

    /// A namespace without a name, such as the host's own, is not known by its number: numbers come and go.
    fn group(&self, _: &Places, namer: &mut Namer) -> (bool, Labels) {
        let labels = if self.is_other() {
            ["reason", "protocol", "workload"].map(|name| (name, OTHER.into())).to_vec()
        } else {
            vec![
                ("reason", self.reason.as_str().into()),
                ("protocol", self.protocol.as_str().into()),
                ("workload", name_of(self.netns, 0, UNKNOWN, namer)),
            ]
        };
        (self.benign, labels)
    }

    fn families<'a>(sums: impl Iterator<Item = (&'a (bool, Labels), &'a u64)>, losses: &DropLosses) -> Vec<Family> {
        families(sums, losses).into()
    }
}

fn families<'a>(sums: impl Iterator<Item = (&'a (bool, Labels), &'a u64)>, losses: &DropLosses) -> [Family; 4] {
    let counter = |name, help| Family::new(name, MetricKind::Counter, help);
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
