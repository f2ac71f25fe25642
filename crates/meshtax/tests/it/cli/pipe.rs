//! Standard output whose reader has gone.

use testbed::{meshtax, words};

use crate::recorded::Recorded;

/// Checks the exit status of `meshtax ARGUMENTS` if the reader of its output has gone.
fn check(arguments: &[&str], status: i32) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = meshtax().args(arguments).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", words(&output));
    assert!(!words(&output).contains("ipe"), "{arguments:?}: {}", words(&output));
}

/// `meshtax report RUN --fail-if … | head`
#[test]
fn a_gate_fails_whoever_reads_on() {
    let run = Recorded::default().write();
    let run = run.argument();
    for format in ["text", "markdown", "html", "json"] {
        let report = ["report", run, "--format", format];
        check(&report, 0);
        check(&[&report[..], &["--fail-if", "latency_ms_p50>+5%"]].concat(), 1);
    }
    let compare = ["compare", run, run, "--fail-if", "sidecar/none:latency_ms_p50>-50%"];
    check(&compare[..3], 0);
    check(&compare, 1);
}

#[test]
fn errors_stay_errors() {
    check(&["show", "topologies/pair.yaml"], 0);
    check(&["show", "nosuch"], 2);
    check(&["check", "nosuch.yaml"], 2);
}
