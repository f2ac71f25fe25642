use measure::{Arm, Curves, Measurement, Metric};
use topology::Topology;

use super::look::Looks;
use crate::comparison::value_cells;
use crate::element::Element;
use crate::figure::figure;
use crate::gap::MissingCell;

/// Everything that the page is made from.
pub(crate) struct Page<'a> {
    pub(crate) measurement: &'a Measurement,
    pub(crate) curves: &'a Curves,
    pub(crate) topology: &'a Topology,
    pub(crate) looks: Looks<'a>,
}

impl<'a> Page<'a> {
    pub(crate) fn new(measurement: &'a Measurement, curves: &'a Curves, topology: &'a Topology) -> Self {
        Self { measurement, curves, topology, looks: Looks::of(measurement) }
    }

    /// The baseline.
    pub(crate) fn base(&self) -> Option<&'a Arm> {
        self.measurement.arms.first()
    }

    pub(crate) fn base_name(&self) -> &'a str {
        self.base().map_or("the baseline", |arm| &arm.name)
    }

    /// Number of an arm, for ids within the page.
    pub(crate) fn number(&self, arm: &str) -> usize {
        self.measurement.arms.iter().position(|known| known.name == arm).unwrap_or(0)
    }

    /// The metrics that get a verdict, with their titles.
    pub(crate) fn primary(&self) -> [(&'static str, Metric); 4] {
        Metric::PRIMARY.map(|metric| match metric {
            Metric::LatencyMsMean => ("Latency, mean", metric),
            Metric::LatencyMsP50 => ("Latency, median", metric),
            Metric::LatencyMsP90 => ("Latency, p90", metric),
            Metric::CpuMsPerRequest => ("CPU per request", metric),
            other => (other.name(), other),
        })
    }

    /// A figure without unit and spread; `None` with too few samples.
    pub(crate) fn figure(&self, arm: Option<&Arm>, metric: Metric) -> Option<String> {
        arm?.metrics.get(metric.name())?.value.map(|value| figure(value, metric.unit()))
    }

    /// A figure with its spread.
    pub(crate) fn value(&self, arm: Option<&Arm>, metric: Metric) -> String {
        let cell = arm.map_or_else(String::new, |arm| value_cells(arm, metric).join(" ").trim_end().to_owned());
        if cell == MissingCell::Figure.mark() { "too few samples".to_owned() } else { cell }
    }

    /// Names of all arms that figures show, including the baseline's copy.
    pub(crate) fn arm_names(&self) -> impl Iterator<Item = &'a str> {
        self.curves.arms.iter().map(|arm| arm.name.as_str())
    }

    /// The legend of all arms.
    pub(crate) fn legend(&self) -> Element {
        self.looks.legend(self.arm_names())
    }

    /// Caller, callee and path of every edge that some arm counted, in the order of the arms' records.
    pub(crate) fn edges(&self) -> Vec<(&'a str, &'a str, &'a str)> {
        let mut edges = Vec::new();
        for edge in self.measurement.arms.iter().flat_map(|arm| &arm.edges) {
            let edge = (edge.from.as_str(), edge.to.as_str(), edge.path.as_str());
            if !edges.contains(&edge) {
                edges.push(edge);
            }
        }
        edges
    }

    /// The text of each arm, in the order of the arms. Empty if no arm has any.
    pub(crate) fn arm_by_arm(&self, told: impl Fn(&Arm) -> Option<String>) -> String {
        let told: Vec<Option<String>> = self.measurement.arms.iter().map(told).collect();
        if told.iter().all(Option::is_none) {
            return String::new();
        }
        told.into_iter().map(|told| told.unwrap_or_else(|| "–".to_owned())).collect::<Vec<_>>().join(" · ")
    }
}
