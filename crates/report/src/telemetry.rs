use measure::{Measurement, Sighting, Signal};

use crate::figure::change;
use crate::grid::{ARMS_ABREAST, GridColumn, grid};
use crate::paragraph::paragraph;

/// The cell for a signal that the arm does not show.
const NOTHING: &str = "-";

/// What each arm let its operators see, one column per arm. Empty if no arm shows anything.
pub(crate) fn telemetry(measurement: &Measurement) -> String {
    if measurement.telemetry.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = measurement.arms.iter().map(|arm| arm.name.as_str()).collect();
    let tables: Vec<String> = names.chunks(ARMS_ABREAST).map(|arms| table(measurement, arms)).collect();
    tables.join("\n") + &paragraph(LEGEND, 2)
}

/// The meaning of the cells.
pub(crate) const LEGEND: &str = "exact: as many as the services, or the kernel's own totals, counted";

fn table(measurement: &Measurement, arms: &[&str]) -> String {
    let header = std::iter::once("What is seen").chain(arms.iter().copied()).map(str::to_owned).collect();
    let row = |signal: Signal| {
        let cells = arms.iter().map(|arm| cell(measurement, arm, signal));
        std::iter::once(format!("  {}", title(signal))).chain(cells).collect()
    };
    grid(&vec![GridColumn::LEFT; arms.len()], std::iter::once(header).chain(Signal::ALL.map(row)))
}

/// The cell of a signal in an arm: `-`, `yes`, `exact`, or how far it was off.
pub(crate) fn cell(measurement: &Measurement, arm: &str, signal: Signal) -> String {
    let told = || measurement.telemetry.iter().filter(|told| told.arm == arm && told.signal == signal);
    let Some(first) = told().next() else { return NOTHING.to_owned() };
    match told().find_map(Sighting::share).or_else(|| first.share()) {
        None => "yes".to_owned(),
        Some(1.0) => "exact".to_owned(),
        Some(share) => change(share, None),
    }
}

/// The name of a signal in reports.
pub(crate) fn title(signal: Signal) -> &'static str {
    match signal {
        Signal::Requests => "requests",
        Signal::RequestDuration => "request durations",
        Signal::RequestBytes => "request and answer sizes",
        Signal::Connections => "TCP connections",
        Signal::TcpBytes => "TCP bytes",
        Signal::RoundTripTimes => "round-trip times",
        Signal::Retransmits => "retransmits",
        Signal::FailedOpens => "failed opens",
        Signal::AcceptQueues => "accept queues",
        Signal::Drops => "dropped packets",
        Signal::Udp => "UDP datagrams",
        Signal::Dns => "DNS queries",
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::tests::run::{EBPF, NONE, SIDECAR, run};

    #[test]
    fn what_each_arm_lets_be_seen() {
        let mut run = run(&[("none", &NONE), ("sidecar", &SIDECAR), ("ebpf", &EBPF)], 10, 0.02);
        assert_eq!(telemetry(&run), "");
        let told = |arm: &str, signal, seen, truth| {
            let (arm, witness) = (arm.to_owned(), measure::WitnessKind::Kernel);
            Sighting { arm, signal, witness, seen, truth }
        };
        run.telemetry = vec![
            told("sidecar", Signal::Requests, Some(9_900.0), Some(10_000.0)),
            told("sidecar", Signal::RequestDuration, None, None),
            told("ebpf", Signal::Connections, Some(46.0), Some(46.0)),
            told("ebpf", Signal::TcpBytes, Some(1e6), None),
            told("ebpf", Signal::Retransmits, Some(0.0), Some(0.0)),
        ];
        assert_snapshot!(telemetry(&run), @"
        What is seen                none  sidecar  ebpf
          requests                  -     -1.00 %  -
          request durations         -     yes      -
          request and answer sizes  -     -        -
          TCP connections           -     -        exact
          TCP bytes                 -     -        yes
          round-trip times          -     -        -
          retransmits               -     -        exact
          failed opens              -     -        -
          accept queues             -     -        -
          dropped packets           -     -        -
          UDP datagrams             -     -        -
          DNS queries               -     -        -
        exact: as many as the services, or the kernel's own totals, counted
        ");
    }
}
