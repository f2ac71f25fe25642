//! What cannot be run, for other reasons than a fault in a file.

use super::words::BUNDLED;
use testbed::{meshtax, refuses, words};

/// `meshtax ARGUMENTS` in an empty folder.
fn check(arguments: &[&str], error: &str, hint: &str) {
    let home = tempfile::tempdir().unwrap();
    refuses(meshtax().args(arguments), home.path(), error, hint);
}

#[test]
fn files_that_are_not_there() {
    let bundled = format!("bundled are {}", BUNDLED.join(", "));
    let missing = "no file `nosuch.yaml`, and none of that name is bundled";
    check(&["run", "nosuch.yaml"], missing, &bundled);
    check(&["run", "--topology", "nosuch.yaml"], missing, &bundled);
    check(&["check", "nosuch.yaml"], missing, &bundled);
    check(&["show", "nosuch"], "nothing bundled is called `nosuch`", &bundled);
    check(&["check", "/"], "cannot read `/`: Is a directory (os error 21)", "name a YAML file that this user may read");
    check(
        &["report", "nosuch"],
        "`nosuch` is no run folder: it has no measurement.json",
        "name a folder that `meshtax run` or `meshtax demo` has made, such as runs/<id>",
    );
}

#[test]
fn topologies_on_the_command_line() {
    let run = ["run", "--topology", "topologies/pair.yaml"];
    check(
        &[&run[..], &["--target", "front:8080"]].concat(),
        "`front:8080` does not start with `http://`",
        "write a URL such as `http://front:8080/`",
    );
    check(&[&run[..], &["--arms", "ambient"]].concat(), "no arm is called `ambient`", "arms here are none, sidecar");
}

/// Before anything starts, and not when the run has ended.
#[test]
fn conditions_about_arms_that_do_not_stand() {
    let run = |condition| ["run", "experiments/pair.yaml", "--fail-if", condition];
    let hint = "arms that can be judged so are sidecar";
    check(&run("ambient:errors>+0%"), "`ambient:errors>+0%`: there is nothing to compare `ambient` with", hint);
    check(&run("null:errors>+0%"), "`null:errors>+0%`: there is nothing to compare `null` with", hint);
    check(
        &run("sidecar/null:errors>+0%"),
        "`sidecar/null:errors>+0%`: the baseline is `none` here",
        "write `sidecar/none:`",
    );
}

/// The parser of arguments has words of its own; they name what is wrong and where to read on.
#[test]
fn arguments() {
    for (arguments, culprit) in [
        (&["frobnicate"][..], "'frobnicate'"),
        (&["run"], "<EXPERIMENT>"),
        (&["run", "a.yaml", "--topology", "b.yaml"], "'--topology <FILE>'"),
        (&["run", "a.yaml", "--rounds", "0"], "0 is not in 1..=100000"),
        (&["run", "a.yaml", "--requests", "few"], "'few'"),
        (&["run", "a.yaml", "--speed", "1"], "'--speed'"),
        (&["run", "a.yaml", "--until", "p50<2%"], "`p50` is no metric; metrics are latency_ms_mean, latency_ms_p50, "),
        (&["compare", "a", "b", "--fail-if", "p50>2%"], "`p50` is no metric; metrics are latency_ms_mean, "),
        (&["compare", "a", "b", "--fail-if", "/none:errors>2%"], "`/none` names no arm; write `ARM:` or"),
        (&["completions", "tcsh"], "possible values: bash"),
    ] {
        let output = meshtax().args(arguments).output().unwrap();
        let said = words(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.starts_with("error: ") && said.contains(culprit) && said.contains("'--help'"), "{said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
