//! Metrics of packets that the kernel dropped.

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
    /// Whether the drop is harmless, and the labels.
    type Group = (bool, Labels);

    const WITNESS: &'static str = "drops";

    /// All control groups of a namespace are one owner. A packet may have no namespace.
    fn owner(&self) -> Option<Owner> {
        (self.netns != 0).then_some((self.netns, 0))
    }

    /// A namespace without a name, such as the host's own, is `unknown`. Its number would be useless as a name, because
    /// numbers come and go.
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
    let mut drops = counter("meshtax_drops_total", "Packets dropped by the kernel.");
    let mut benign = counter("meshtax_benign_drops_total", "Packets dropped by the kernel for a harmless reason.");
    for ((is_benign, labels), count) in sums {
        let family = if *is_benign { &mut benign } else { &mut drops };
        family.add(labels.clone(), *count as f64);
    }
    let mut overflow = counter(
        "meshtax_agent_drop_series_overflow_total",
        "Times that a drop was added to the series `other`, because the kernel's map was full.",
    );
    overflow.add(Vec::new(), losses.series as f64);
    let mut unowned = counter(
        "meshtax_agent_drop_sockets_unowned_total",
        "Sockets whose owner could not be stored for lack of kernel memory.",
    );
    unowned.add(Vec::new(), losses.owners as f64);
    [drops, benign, overflow, unowned]
}
