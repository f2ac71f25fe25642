//! What is printed when there is no error.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::{assert_succeeds, prints};
use testbed::{meshtax, words};

/// Every subcommand for users.
const VERBS: [&str; 25] = [
    "demo",
    "run",
    "load",
    "calibrate",
    "report",
    "compare",
    "top",
    "life",
    "connect",
    "accept",
    "retrans",
    "resets",
    "backlog",
    "rtt",
    "dns",
    "drops",
    "udp",
    "agent",
    "check",
    "show",
    "doctor",
    "clean",
    "schema",
    "completions",
    "man",
];
const BUNDLED: &[&str] = &[
    "experiments/bookinfo-lean.yaml",
    "experiments/bookinfo-sequential-correct.yaml",
    "experiments/bookinfo-sequential.yaml",
    "experiments/calibrate.yaml",
    "experiments/demo.yaml",
    "experiments/faults.yaml",
    "experiments/fidelity.yaml",
    "experiments/four-arms.yaml",
    "experiments/one-hop.yaml",
    "experiments/options.yaml",
    "experiments/pair.yaml",
    "experiments/proxies.yaml",
    "experiments/proxies/haproxy.cfg",
    "experiments/proxies/nginx.conf",
    "experiments/simple-sequential-correct.yaml",
    "experiments/simple-sequential.yaml",
    "topologies/bookinfo-lean.yaml",
    "topologies/bookinfo.yaml",
    "topologies/calibrate.yaml",
    "topologies/faults.yaml",
    "topologies/one-hop.yaml",
    "topologies/pair.yaml",
    "topologies/simple.yaml",
];

#[test]
fn help_groups_the_subcommands() {
    insta::assert_snapshot!(prints(&["--help"]), @"
    What does your service mesh cost, and what would you see without it?

    Usage: meshtax <COMMAND>

    Answer:
      demo         Measure what sidecars cost a small Bookinfo; needs no file
      run          Run an experiment or a topology of your own, and compare its arms
      load         Put an HTTP service under load, and tell how it answers
      calibrate    Add known costs to arms and check that they are found again
      report       Print the report of a run again, from its folder
      compare      Compare two runs, from their folders

    Watch:
      top          Bytes of each open TCP connection, busiest first
      life         TCP connections as they close: duration, bytes, RTT, retransmits
      connect      TCP connects, and those that fail
      accept       TCP accepts
      retrans      TCP retransmits
      resets       TCP resets, sent and received
      backlog      Length of accept queues as connections arrive, as a histogram
      rtt          Round-trip times of TCP connections, as a histogram
      dns          DNS queries as they end: name, type, answer, latency
      drops        Packets that the kernel drops, and why
      udp          Datagrams and drops of each UDP socket, busiest first
      agent        Serve these as Prometheus metrics, or push them over OTLP

    Plumbing:
      check        Validate a file, draw its call graph, and say what a run needs
      show         Print a bundled topology or experiment; without a name, list them
      doctor       Say what this machine lacks, and how to fix it
      clean        Remove what killed runs and --keep left behind
      schema       Print the JSON Schema of a kind of file
      completions  Print a completion script for a shell
      man          Print a man page, or write all of them

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Exit status: 0 done; 1 a condition or verdict failed; 2 could not run;
    130 interrupted, with a partial result.

    Start with `meshtax demo` (as root); it needs no file. `meshtax doctor` says
    what this machine lacks.
    ");
}

#[test]
fn help_of_every_subcommand_is_kept_and_fits_80_columns() {
    for verb in VERBS {
        let help = prints(&[verb, "--help"]);
        let wide: Vec<&str> = help.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
        insta::assert_snapshot!(format!("help_{verb}"), help);
    }
}

/// `-n` stays free, because it means a namespace in Kubernetes tools.
#[test]
fn live_tools_have_the_short_options_of_bcc() {
    for (verb, letters) in [("life", "ptc"), ("rtt", "ptci"), ("top", "ptci"), ("udp", "ptci"), ("dns", "ptc")] {
        let help = prints(&[verb, "--help"]);
        for letter in letters.chars() {
            assert!(help.contains(&format!("  -{letter}, --")), "{verb} has no -{letter}: {help}");
        }
        assert!(!help.contains("  -n, --"), "{verb}");
    }
}

#[test]
fn the_version_names_the_commit() {
    let commit = Command::new("git").args(["rev-parse", "--short=7", "HEAD"]).output().unwrap();
    let commit = String::from_utf8(commit.stdout).unwrap();
    let expected = match commit.trim() {
        "" => format!("meshtax {}\n", env!("CARGO_PKG_VERSION")),
        commit => format!("meshtax {} ({commit})\n", env!("CARGO_PKG_VERSION")),
    };
    assert_eq!(prints(&["--version"]), expected);
}

/// Every page that a page refers to exists, and none is for an inner role.
#[test]
fn man_pages_refer_to_pages_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    prints(&["man", "--out", folder.path().to_str().unwrap()]);
    let names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 1 + VERBS.len(), "{names:?}");
    for name in &names {
        let page = std::fs::read_to_string(folder.path().join(name)).unwrap();
        let words = page.split([' ', '\n']).map(|word| word.replace("\\-", "-"));
        for referred in words.filter_map(|word| Some(word.strip_suffix("(1)")?.to_owned())) {
            assert!(names.contains(&format!("{referred}.1")), "{name} refers to {referred}(1)");
        }
    }
    assert!(prints(&["man", "run"]).contains("meshtax\\-run"));
}

#[test]
fn help_of_thresholds_names_every_metric() {
    for verb in ["demo", "run", "calibrate", "report", "compare"] {
        let help = prints(&[verb, "--help"]);
        for metric in measure::Metric::ALL {
            assert!(
                help.split_whitespace().any(|word| word == metric.name()),
                "{verb} does not name {}",
                metric.name()
            );
        }
    }
    assert!(prints(&["run", "--help"]).contains("10 stand-ups"), "the stopping rule");
    assert!(prints(&["compare", "--help"]).contains("--fail-if 'sidecar/none:cpu_ms_per_request>+5%'"));
}

#[test]
fn check_draws_what_is_bundled() {
    for name in BUNDLED.iter().filter(|name| name.ends_with(".yaml")) {
        let drawn = prints(&["check", name]);
        assert!(drawn.contains("└─ "), "{name}: {drawn}");
        assert_eq!(drawn.starts_with("experiment "), name.starts_with("experiments/"), "{name}: {drawn}");
    }
    insta::assert_snapshot!(prints(&["check", "experiments/pair.yaml"]), @"
    experiment pair: arms none, sidecar
    2000 requests per arm to http://front:8080/ in 15 rounds over 10 stand-ups of the lab

    pair: 2 services, 2 pods
    A front that asks a back.

    front  http :8080  1 pod
    └─ / → 200 B
       ├─ compute 50us
       └─ call back /

    back  http :8080  1 pod
    └─ / → 100 B
       └─ compute 50us

    a run takes at least
      pods                   9 in 3 arms at once
      open files             152
      processes and threads  118
      memory                 75 MiB
      disk                   11 MiB
      time                   about 1 min 41 s
    ");
}

#[test]
fn show_lists_what_is_bundled_and_prints_it() {
    assert_eq!(prints(&["show"]).lines().collect::<Vec<_>>(), BUNDLED);
    for name in BUNDLED {
        let file = format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(prints(&["show", name]), std::fs::read_to_string(file).unwrap(), "{name}");
    }
}

#[test]
fn the_schema_names_every_key_of_the_contract() {
    let schema: Value = serde_json::from_str(&prints(&["schema"])).expect("a schema is JSON");
    let keys = |place: &str| -> Vec<String> {
        let keys = schema.pointer(place).and_then(Value::as_object).unwrap_or_else(|| panic!("no {place}"));
        keys.keys().cloned().collect()
    };
    for (place, contract) in [
        ("/properties", &["schema", "experiment", "environment", "arms", "effects", "cautions"][..]),
        ("/$defs/Arm/properties", &["name", "metrics"]),
        ("/$defs/Value/properties", &["value", "unit", "count"]),
        ("/$defs/Effect/properties", &["arm", "metric", "ratio", "ratio_ci95", "difference", "difference_ci95"]),
        ("/$defs/Caution/properties", &["kind", "text"]),
    ] {
        let known = keys(place);
        let missing: Vec<_> = contract.iter().filter(|key| !known.iter().any(|known| known == *key)).collect();
        assert!(missing.is_empty(), "{place} lacks {missing:?}");
    }
}

#[test]
fn completions_and_man_page_name_every_subcommand_and_no_inner_role() {
    for arguments in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"]] {
        let text = prints(arguments);
        let has = |word: &str| text.split(|letter: char| !letter.is_alphanumeric()).any(|known| known == word);
        assert!(text.contains("meshtax"), "{arguments:?}");
        for verb in VERBS {
            assert!(has(verb), "{arguments:?} does not name `{verb}`");
        }
        assert!(!has("role"), "{arguments:?} names `role`, which is not for users");
    }
}

#[test]
fn doctor_says_what_is_missing_and_what_fixes_it() {
    let doctor = |arguments: &[&str]| {
        let output = meshtax().args(["doctor", "--envoy", "/nonexistent"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", words(&output));
        assert!(output.stderr.is_empty(), "{}", words(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = doctor(&[]);
    assert!(text.contains("MISSING  envoy           no Envoy at `/nonexistent`"), "{text}");
    assert!(text.contains("fix: run `make setup`, or name Envoy's binary with `--envoy PATH`"), "{text}");

    let needs: Value = serde_json::from_str(&doctor(&["--json"])).unwrap();
    let envoy = needs.as_array().unwrap().iter().find(|need| need["name"] == "envoy").unwrap();
    assert_eq!(envoy["found"], Value::Null);
    assert_eq!(envoy["gap"]["fix"], "run `make setup`, or name Envoy's binary with `--envoy PATH`");
}

#[test]
fn a_closed_pipe_is_quiet() {
    for arguments in [
        &["show"][..],
        &["show", "topologies/bookinfo-lean.yaml"],
        &["check", "topologies/bookinfo-lean.yaml"],
        &["schema"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = meshtax().args(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        assert_succeeds(&child.wait_with_output().unwrap(), arguments);
    }
}
