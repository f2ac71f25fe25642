use insta::assert_snapshot;
use measure::{Measurement, Metric, Null, Sighting, Signal, Stands, Verdict, WitnessKind};

use super::*;
use crate::tests::run::{EBPF, Figures, NONE, SIDECAR, caution, run, with_client_proxy};

/// The summary, after checking that it fits a screen.
fn check(measurement: &Measurement) -> String {
    let summary = summary(measurement, "runs/mt1");
    let further = measurement.arms.len().saturating_sub(3);
    assert!(summary.lines().count() <= 40 + further, "{} lines:\n{summary}", summary.lines().count());
    let wide: Vec<&str> = summary.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "lines of more than 80 columns: {wide:#?}");
    assert!(summary.lines().all(|line| line == line.trim_end()), "blanks at the end of a line:\n{summary}");
    summary
}

fn three_arms() -> Measurement {
    let mut run = run(&[("none", &NONE), ("sidecar", &SIDECAR), ("ebpf", &EBPF)], 30, 0.02);
    run.experiment.stands = Some(Stands { rounds: 3, longer: 0, windows: 1 });
    run.arms[1].proxies = Some(6);
    for effect in &mut run.effects {
        if Metric::PRIMARY.iter().any(|metric| metric.name() == effect.metric) {
            effect.margin = Some(0.02);
            effect.verdict = Some(match &*effect.arm {
                "sidecar" => Verdict::Costs,
                _ => Verdict::NotResolvable,
            });
        }
    }
    let mut null = run.effects[..Metric::ALL.len()].to_vec();
    for effect in &mut null {
        effect.difference = effect.difference.map(|_| -0.02);
    }
    run.null = Some(Null { effects: null });
    let told = |arm: &str, signal| {
        let witness = if arm == "ebpf" { WitnessKind::Kernel } else { WitnessKind::Sidecars };
        Sighting { arm: arm.to_owned(), signal, witness, seen: Some(23.0), truth: Some(23.0) }
    };
    run.telemetry = [Signal::Requests, Signal::RequestDuration].map(|signal| told("sidecar", signal)).to_vec();
    run.telemetry.extend(Signal::ALL[3..].iter().map(|signal| told("ebpf", *signal)));
    run.cautions = vec![
        caution(
            "foreign",
            "other programs used 12 % of the machine during blocks of this run, so figures may be higher",
        ),
        caution("drift", "short"),
    ];
    run
}

#[test]
fn three_arms_fit_a_screen() {
    assert_snapshot!(check(&three_arms()), @"
    Sidecars cost this application +4.21 ms [4.09, 4.33] per page and
    +3.89 ms [3.78, 4.01] of CPU time (+210 % [204, 216]). Memory at rest before the
    first request: +142 MiB (one stand-up).

    With arm `ebpf`, no difference resolved: +0.0070 ms [-0.0328, 0.0468] per page
    and +0.0180 ms [-0.0194, 0.0554] of CPU time (+0.97 % [-1.05, 2.99]). Memory at
    rest before the first request: within 1 MiB of `none` (one stand-up).

    bookinfo-lean: 30 rounds in 10 stand-ups of the lab, 1500 requests per arm, one
      at a time, 95 % intervals, margin 2 %

                     none  sidecar  added                 null  verdict
    p50, ms          1.90     5.96  +4.05 [3.94, 4.17]   -0.02  costs
    p90, ms          2.41     7.32  +4.91 [4.76, 5.06]   -0.02  costs
    CPU/request, ms  1.85     5.74  +3.89 [3.78, 4.01]   -0.02  costs
    memory, MiB      81.4      223  +142                     0  -
                     none     ebpf  added                 null  verdict
    p50, ms          1.90     1.91  +0.01 [-0.03, 0.04]  -0.02  not resolvable here
    p90, ms          2.41     2.42  +0.01 [-0.04, 0.06]  -0.02  not resolvable here
    CPU/request, ms  1.85     1.87  +0.02 [-0.02, 0.06]  -0.02  not resolvable here
    memory, MiB      81.4     81.4  0.0                    0.0  -
    each of 6 sidecars: 0.646 s of CPU per 1,000 requests (one at a time), 24.8 MiB

    sidecar shows: requests, request durations
    ebpf shows: TCP connections, TCP bytes, round-trip times, retransmits, failed
      opens, accept queues, dropped packets, UDP datagrams, DNS queries

    caution foreign: other programs used 12 % of the machine during blocks of this…
    caution drift: short

    runs/mt1/ has everything. `meshtax report runs/mt1 --full` prints all figures;
    runs/mt1/report.html shows them.
    ");
}

#[test]
fn a_further_arm_takes_a_line() {
    let mut four = run(&[("none", &NONE), ("sidecar", &SIDECAR), ("ebpf", &EBPF), ("both", &SIDECAR)], 30, 0.02);
    four.experiment.complete = false;
    let summary = check(&four);
    let line = summary.lines().find(|line| line.starts_with("both adds")).unwrap();
    assert_eq!(line, "both adds +4.05 ms [3.94, 4.17] to p50, +3.89 ms [3.78, 4.01] of CPU per request");
}

/// With any number of cautions, there is room for the figures, and the fatal ones come first.
#[test]
fn cautions_have_a_line_each() {
    let mut run = three_arms();
    let long =
        "more than a line has room for, which is why its end is left out here and stands in the full report alone";
    run.cautions.extend((0..30).map(|number| caution(&format!("kind_{number}"), long)));
    run.cautions[3].fatal = true;
    run.cautions[7].fatal = true;
    let summary = check(&run);
    assert!(summary.starts_with("caution kind_1: do not trust these numbers: more than a line"), "{summary}");
    assert!(summary.contains("more cautions: see `--full`"), "{summary}");
    assert!(summary.lines().filter(|line| line.starts_with("caution ")).all(|line| line.chars().count() <= 80));
}

#[test]
fn what_is_missing_has_a_mark() {
    check(&run(&[("none", &NONE)], 3, 0.0));
    let empty: Figures = [None; 20];
    let mut nothing = run(&[("none", &empty), ("sidecar", &empty)], 1, 0.0);
    assert!(check(&nothing).contains("*"), "{}", check(&nothing));
    nothing.arms.clear();
    assert!(check(&nothing).contains("Nothing was measured."));
    let mut with_client = run(&[("none", &NONE), ("sidecar", &SIDECAR)], 10, 0.02);
    with_client_proxy(&mut with_client);
    assert!(check(&with_client).contains("CPU/request, ms"));
}
