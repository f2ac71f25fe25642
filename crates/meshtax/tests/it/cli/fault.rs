//! Faults in files: `FILE:LINE:COLUMN: what`, and what to write instead.

use std::fs;

use tempfile::TempDir;

use testbed::{meshtax, refuses};

const EXPERIMENT: &str = "\
name: mine
topology: app.yaml
arms:
  none: {plane: none}
  sidecar: {plane: sidecar}
load:
  sequential:
    target: http://front:8080/
    requests: 60
rounds: 6
idle: {windows: 8, window: 50ms}
";

const TOPOLOGY: &str = "\
name: app
services:
  front:
    port: 8080
    endpoints:
      /: {script: [call: back]}
  back:
    port: 8081
    protocol: tcp
    response: 9
";

/// A folder with a valid experiment and topology, except for one change: `from` in either file becomes `to`.
fn home(from: &str, to: &str) -> TempDir {
    assert_eq!([EXPERIMENT, TOPOLOGY].concat().matches(from).count(), 1, "`{from}` stands in one place");
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("mine.yaml"), EXPERIMENT.replace(from, to)).unwrap();
    fs::write(home.path().join("app.yaml"), TOPOLOGY.replace(from, to)).unwrap();
    home
}

/// Checks that `check` and `run` refuse the changed experiment with the same words.
fn check(from: &str, to: &str, error: &str, hint: &str) {
    let home = home(from, to);
    for verb in ["check", "run"] {
        refuses(meshtax().args([verb, "mine.yaml"]), home.path(), error, hint);
    }
}

/// Checks that `run mine.yaml ARGUMENTS` is refused.
fn check_arguments(arguments: &[&str], error: &str, hint: &str) {
    let home = home("name: mine", "name: mine");
    refuses(meshtax().args(["run", "mine.yaml"]).args(arguments), home.path(), error, hint);
}

/// A file has the same limits as a flag.
#[test]
fn bounds() {
    let few = |most: u32| format!("ask for {most} or fewer");
    let rounds = few(100_000);
    check("rounds: 6", "rounds: 4000000000", "mine.yaml:10:9: `rounds` must not be above 100000", &rounds);
    check(
        "rounds: 6",
        "rounds: 6\nuntil: latency_ms_p50<2%\nmax_rounds: 100001",
        "mine.yaml:12:13: `max_rounds` must not be above 100000",
        &rounds,
    );
    let asked = few(100_000_000);
    check("requests: 60", "requests: 100000001", "mine.yaml:9:15: `requests` must not be above 100000000", &asked);
    check(
        "rounds: 6",
        "rounds: 6\nwarmup: 1e9",
        "mine.yaml:11:9: this is not a valid number",
        "write a whole number from 0 up, of 64 bits at most",
    );
    check("rounds: 6", "rounds: 6\nwarmup: 1000000000", "mine.yaml:11:9: `warmup` must not be above 100000000", &asked);
    check("rounds: 6", "rounds: 6\nstands: 1001", "mine.yaml:11:9: `stands` must not be above 1000", &few(1_000));
    check("windows: 8", "windows: 4000000000", "mine.yaml:11:17: `windows` must not be above 10000", &few(10_000));
    check(
        "rounds: 6",
        "rounds: 6\nmargin: 0%",
        "mine.yaml:11:9: `margin` must be greater than 0",
        "write a share such as `2%`",
    );
}

#[test]
fn the_files_are_valid_without_a_change() {
    let home = home("name: mine", "name: mine");
    for file in ["mine.yaml", "app.yaml"] {
        let output = meshtax().args(["check", file]).current_dir(home.path()).output().unwrap();
        super::assert_succeeds(&output, &["check", file]);
    }
}

#[test]
fn keys() {
    check(
        "rounds: 6",
        "round: 6",
        "mine.yaml:10:1: unknown key `round`",
        "did you mean `rounds`? the keys here are `name`, `topology`, `network`, `arms`, `groups`, `load`, `warmup`, `rounds`, `ready_timeout`, `stands`, `idle`, `seed`, `awake`, \
         `null`, `margin`, `drop_foreign`, `until`, `max_rounds`, `faults`",
    );
    check("name: mine\n", "", "mine.yaml:10:1: `name` is missing", "add a line `name: ...` here");
    check(
        "  sidecar: {plane: sidecar}",
        "  none: {plane: sidecar}",
        "mine.yaml:5:3: duplicate key `none`",
        "keep one of the two",
    );
    check("name: mine", "name: [", "mine.yaml:1:7: this value has the wrong shape", "write a single value");
}

#[test]
fn topologies() {
    check(
        "topology: app.yaml",
        "topology: nosuch.yaml",
        "mine.yaml:2:11: cannot read the topology `nosuch.yaml`: No such file or directory (os error 2)",
        "name a bundled topology (`meshtax show` lists them), or a file relative to the experiment's folder",
    );
    check("call: back]", "call: bakc]", "app.yaml:6:26: there is no service `bakc`", "did you mean `back`?");
    check(
        "port: 8081",
        "port: 80810",
        "app.yaml:8:11: `80810` is not a port",
        "write a whole number from 1 to 65535, such as `9080`",
    );
    let home = home("response: 9", "response: 9 kB/s");
    refuses(
        meshtax().args(["check", "app.yaml"]),
        home.path(),
        "app.yaml:10:15: `9 kB/s` is not a number of bytes",
        "write a number, alone or with a unit: `178`, `12 kB`, `40 MiB`",
    );
}

#[test]
fn targets() {
    for (url, what) in [
        ("http://fornt:8080/", "topology `app` has no service `fornt`"),
        ("http://front:80/", "service `front` listens on port 8080, not 80"),
        ("http://front:8080/x", "not every version of service `front` has an endpoint `/x`"),
        ("https://front:8080/", "`https://front:8080/` does not start with `http://`"),
        ("http://back:8081/", "service `back` does not speak http"),
    ] {
        let hint = "write a URL such as `http://front:8080/`";
        check("http://front:8080/", url, &format!("mine.yaml:8:13: {what}"), hint);
        check_arguments(&["--target", url], what, hint);
    }
}

#[test]
fn amounts() {
    check("requests: 60", "requests: 0", "mine.yaml:9:15: `requests` must not be 0", "ask for 1 or more");
    check(
        "requests: 60",
        "requests: 5",
        "mine.yaml:9:15: 5 requests are too few for 6 rounds",
        "each round needs a request: raise `requests` or lower `rounds`",
    );
    check(
        "requests: 60",
        "requests: many",
        "mine.yaml:9:15: this is not a valid number",
        "write a whole number from 0 up, of 64 bits at most",
    );
    check(
        "rounds: 6",
        "rounds: 0",
        "mine.yaml:10:9: `rounds` must not be 0",
        "ask for 1 or more; intervals need 6, good ones 10",
    );
    check(
        "requests: 60",
        "requests: 60\n    timeout: 0s",
        "mine.yaml:10:14: `timeout` must be greater than 0",
        "write a time such as `10s`",
    );
    check(
        "requests: 60",
        "requests: 60\n    round_trip: 5s",
        "mine.yaml:10:17: `round_trip` must be less than half of `timeout`",
        "lower `round_trip` or raise `timeout`: a new connection takes two round trips",
    );
    check_arguments(
        &["--rounds", "61"],
        "61 rounds need as many requests, got 60",
        "each round needs a request: raise `--requests` or lower `--rounds`",
    );
}

#[test]
fn idle_windows() {
    check(
        "windows: 8",
        "windows: 7",
        "mine.yaml:11:17: 7 idle windows are too few to see their spread",
        "use 8 or more; make them shorter to save time",
    );
    check(
        "window: 50ms",
        "window: 1ms",
        "mine.yaml:11:28: an idle window this short is below the resolution of the kernel's CPU accounting",
        "use 50ms or more",
    );
    check("window: 50ms", "window: 50", "mine.yaml:11:28: `50` has no unit", "write `50us`, `50ms` or `50s`");
}

#[test]
fn arms() {
    check(
        "  none: {plane",
        "  No_ne: {plane",
        "mine.yaml:4:3: `No_ne` is not a valid name for an arm",
        "use lower-case letters, digits and `-`, 30 at most",
    );
    check(
        "{plane: none}",
        "{plane: none, telemetry: off}",
        "mine.yaml:4:34: `telemetry` is an option of sidecars",
        "use `plane: sidecar`",
    );
    check(
        "{plane: sidecar}",
        "{plane: sidecar, concurrency: 0}",
        "mine.yaml:5:42: worker threads must be 1 to 64 (default 2), got 0",
        "write a number from 1 to 64",
    );
    check(
        "{plane: sidecar}",
        "{plane: ambient}",
        "mine.yaml:5:20: `ambient` is not possible here",
        "write one of `none`, `sidecar`, or `{command: [PROGRAM, ARGUMENT, ...]}`",
    );
    check(
        "arms:\n  none: {plane: none}\n  sidecar: {plane: sidecar}\n",
        "arms: {}\n",
        "mine.yaml:3:7: the experiment has no arms",
        "write for example `none: {plane: none}` and `sidecar: {plane: sidecar}` below `arms:`",
    );
    check_arguments(&["--arms", "none,ambient"], "no arm is called `ambient`", "arms here are none, sidecar");
    check_arguments(&["--arms", "none,none"], "arm `none` is named twice", "name each arm once in `--arms`");
}
