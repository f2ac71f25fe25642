//! Commands that are refused for reasons other than a mistake in a file.

use testbed::{meshtax, refuses, words};

/// Checks `meshtax ARGUMENTS` in an empty folder.
fn check(arguments: &[&str], error: &str, hint: &str) {
    let home = tempfile::tempdir().unwrap();
    refuses(meshtax().args(arguments), home.path(), error, hint);
}

#[test]
fn files_that_are_not_there() {
    let bundled = "`meshtax show` lists the bundled files";
    let missing = "no file `nosuch.yaml`, and none of that name is bundled";
    check(&["run", "nosuch.yaml"], missing, bundled);
    check(&["run", "--topology", "nosuch.yaml"], missing, bundled);
    check(&["check", "nosuch.yaml"], missing, bundled);
    check(&["show", "nosuch"], "no bundled file is called `nosuch`", bundled);
    check(&["check", "/"], "cannot read `/`: Is a directory (os error 21)", "name a YAML file that this user may read");
    check(
        &["report", "nosuch"],
        "`nosuch` is not a run folder: it has no measurement.json",
        "name a folder that `meshtax run` or `meshtax demo` made, such as runs/<id>",
    );
}

#[test]
fn names_that_are_nearly_bundled() {
    for (written, meant) in [
        ("experiments/demmo.yaml", "experiments/demo.yaml"),
        ("demo.yaml", "experiments/demo.yaml"),
        ("demo", "experiments/demo.yaml"),
        ("four-arm.yaml", "experiments/four-arms.yaml"),
        ("topologies/one-hopp.yaml", "topologies/one-hop.yaml"),
    ] {
        let hint = format!("did you mean `{meant}`? `meshtax show` lists the bundled files");
        check(&["run", written], &format!("no file `{written}`, and none of that name is bundled"), &hint);
        check(&["show", written], &format!("no bundled file is called `{written}`"), &hint);
    }
}

/// Kinds of files are told apart by their keys, in YAML and JSON, also from a pipe that can be read only once.
#[test]
fn kinds_of_files() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("my topology.yaml", "name: a\nservices: {a: {port: 80, endpoints: {/: {response: 5 B}}}}\n");
    write(
        "experiment.json",
        "{\"name\": \"a\", \"topology\": \"pair\", \"arms\": {\"none\": {\"plane\": \"none\"}}, \
        \"load\": {\"sequential\": {\"target\": \"http://front:8080/\", \"requests\": 60}}}",
    );
    write("deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n");
    write("compose.yaml", "services:\n  web:\n    image: nginx\n");
    let check =
        |arguments: &[&str], error: &str, hint: &str| refuses(meshtax().args(arguments), home.path(), error, hint);
    check(
        &["run", "my topology.yaml"],
        "`my topology.yaml` is a topology, not an experiment",
        "measure it with `meshtax run --topology 'my topology.yaml'`",
    );
    check(
        &["run", "--topology", "experiment.json"],
        "`experiment.json` is an experiment, not a topology",
        "run it as it is: `meshtax run experiment.json`",
    );
    let start = "write a topology with the same services, each with its port and its calls or, as `command`, its program; start \
                 with `meshtax show topologies/pair.yaml > topology.yaml`, and measure with `meshtax run --topology \
                 topology.yaml`";
    for (file, kind) in [("deployment.yaml", "a Kubernetes manifest"), ("compose.yaml", "a Compose file")] {
        let error = format!("`{file}` is {kind}, neither a topology nor an experiment");
        for arguments in [&["run", file][..], &["run", "--topology", file], &["check", file]] {
            check(arguments, &error, start);
        }
    }
    let once = |file: &str| {
        let mut command = meshtax();
        command.args(["check", "/dev/stdin"]).stdin(std::fs::File::open(home.path().join(file)).unwrap());
        command.output().unwrap()
    };
    for (file, first) in [("experiment.json", "experiment a: arms none"), ("my topology.yaml", "a: 1 service, 1 pod\n")]
    {
        // A pipe delivers its content only once.
        let mut cat = std::process::Command::new("cat");
        let mut cat = cat.arg(home.path().join(file)).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let piped = meshtax().args(["check", "/dev/stdin"]).stdin(cat.stdout.take().unwrap()).output().unwrap();
        cat.wait().unwrap();
        assert!(piped.status.success(), "{}", words(&piped));
        assert_eq!(words(&piped), words(&once(file)));
        assert!(words(&piped).starts_with(first), "{}", words(&piped));
    }
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

/// Conditions are refused before anything starts, not after the run.
#[test]
fn conditions_about_arms_that_do_not_stand() {
    let run = |condition| ["run", "experiments/pair.yaml", "--fail-if", condition];
    let hint = "arms that can be compared are sidecar";
    check(&run("ambient:errors>+0%"), "`ambient:errors>+0%`: there is nothing to compare `ambient` with", hint);
    check(&run("null:errors>+0%"), "`null:errors>+0%`: there is nothing to compare `null` with", hint);
    check(
        &run("sidecar/null:errors>+0%"),
        "`sidecar/null:errors>+0%`: the baseline is `none` here",
        "write `sidecar/none:`",
    );
}

/// The argument parser's own messages say what is wrong and where to read more.
#[test]
fn arguments() {
    for (arguments, culprit) in [
        (&["frobnicate"][..], "'frobnicate'"),
        (&["run"], "<EXPERIMENT>"),
        (&["run", "a.yaml", "--topology", "b.yaml"], "'--topology <FILE>'"),
        (&["run", "a.yaml", "--rounds", "0"], "0 is not in 1..=100000"),
        (&["run", "a.yaml", "--requests", "few"], "'few'"),
        (&["run", "a.yaml", "--requests", "100000001"], "100000001 is not in 1..=100000000"),
        (&["run", "a.yaml", "--stands", "1001"], "1001 is not in 1..=1000"),
        (&["run", "a.yaml", "--margin", "0%"], "`margin` must be greater than 0"),
        (&["compare", "a", "b", "--margin", "0%"], "`margin` must be greater than 0"),
        (&["run", "a.yaml", "--speed", "1"], "'--speed'"),
        (
            &["run", "a.yaml", "--until", "p50<2%"],
            "`p50` is not a metric; metrics are latency_ms_mean, latency_ms_p50, ",
        ),
        (&["compare", "a", "b", "--fail-if", "p50>2%"], "`p50` is not a metric; metrics are latency_ms_mean, "),
        (&["compare", "a", "b", "--fail-if", "/none:errors>2%"], "`/none` names no arm; write `ARM:` or"),
        (&["completions", "tcsh"], "possible values: bash"),
        // Values that no process, connection or packet can match.
        (&["life", "--pid", "0"], "process ids go from 1 to 4194303"),
        (&["life", "--pid", "4194304"], "process ids go from 1 to 4194303"),
        (&["connect", "--comm", "sixteen-letters."], "the kernel keeps 15 bytes of a name: write `sixteen-letters`"),
        (&["accept", "--comm", ""], "no process has an empty name"),
        (&["drops", "--port", "0"], "0 is not in 1..=65535"),
        (&["dns", "--cgroup", "/etc/passwd"], "it is not a control group's folder, such as /sys/fs/cgroup/"),
        (&["udp", "--netns", "/etc/passwd"], "it is not a network namespace, such as /run/netns/blue"),
        (&["top", "--netns", "/proc/self/ns/pid"], "it is not a network namespace, such as /run/netns/blue"),
        // Values that would spin, or show nothing.
        (&["top", "--interval", "0s"], "it is too short: write `1ms` or more"),
        (&["udp", "--interval", "10us"], "it is too short: write `1ms` or more"),
        (&["rtt", "--interval", "0ms"], "it is too short: write `1ms` or more"),
        (&["dns", "--timeout", "0s"], "it is too short: write `1ms` or more"),
        (&["top", "--rows", "0"], "0 is not in 1.."),
    ] {
        let output = meshtax().args(arguments).output().unwrap();
        let said = words(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.starts_with("error: ") && said.contains(culprit) && said.contains("'--help'"), "{said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn what_may_never_end_is_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let pipe = home.path().join("measurement.json");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let folder = home.path().to_str().unwrap();
    for (arguments, error) in [
        (&["report", folder][..], "it is not a regular file"),
        (&["compare", folder, folder], "it is not a regular file"),
        (&["check", "/dev/zero"], "it is longer than 16 MiB"),
        (&["run", "--topology", "/dev/zero"], "it is longer than 16 MiB"),
    ] {
        let output = meshtax().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", words(&output));
        assert!(words(&output).contains(error), "{arguments:?}: {}", words(&output));
    }
}
