use crate::input;

use super::*;

/// `POD/FILE` and the text of each file that setting up would leave.
type Files<'a> = &'a [(&'a str, &'a str)];

/// Checks the diff of each arm, given the arms with their keys and files.
fn check(arms: &[(&str, &str, Files)], expect: Files) {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("own.conf"), "").unwrap();
    let written: Vec<String> = arms.iter().map(|(name, keys, _)| format!("{name}: {{{keys}}}")).collect();
    let text = format!(
        "name: x\ntopology: pair\narms: {{{}}}\nload: {{sequential: {{target: 'http://front:8080/', requests: 15}}}}\n",
        written.join(", ")
    );
    fs::write(home.path().join("x.yaml"), text).unwrap();
    let experiment = input::experiment(&home.path().join("x.yaml")).unwrap();
    let planes = home.path().join("planes");
    for (name, _, files) in arms {
        fs::create_dir_all(planes.join(name).join("node")).unwrap();
        for (file, text) in *files {
            let path = planes.join(name).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    write_differences(home.path(), &experiment.arms).unwrap();
    let mut seen: Vec<(String, String)> = Vec::new();
    for (name, ..) in arms {
        if let Ok(text) = fs::read_to_string(planes.join(format!("{name}.diff"))) {
            seen.push(((*name).to_owned(), text));
        }
    }
    let expect: Vec<(String, String)> = expect.iter().map(|(arm, text)| ((*arm).into(), (*text).into())).collect();
    assert_eq!(seen, expect);
}

#[test]
fn sidecars_are_compared_with_the_first_ones_and_these_with_the_baseline() {
    check(
        &[
            ("none", "plane: none", &[("front-v1/resolv.conf", "a\n")]),
            ("first", "plane: sidecar", &[("front-v1/bootstrap.json", "{}\n"), ("front-v1/key.pem", "secret\n")]),
            (
                "tight",
                "plane: sidecar, limits: {cpu: 1}",
                &[("front-v1/bootstrap.json", "{}\n"), ("front-v1/limits.yaml", "cpu: 1000m\n")],
            ),
            ("same", "plane: sidecar", &[("front-v1/bootstrap.json", "{}\n")]),
            ("asked", "plane: sidecar, probe_period: 2s", &[("node/probes.json", "[]\n")]),
        ],
        &[
            ("first", "--- /dev/null\n+++ first/front-v1/bootstrap.json\n@@ -0,0 +1 @@\n+{}\n"),
            ("tight", "--- /dev/null\n+++ tight/front-v1/limits.yaml\n@@ -0,0 +1 @@\n+cpu: 1000m\n"),
            ("same", ""),
            (
                "asked",
                "--- first/front-v1/bootstrap.json\n+++ /dev/null\n@@ -1 +0,0 @@\n-{}\n\
                 --- /dev/null\n+++ asked/node/probes.json\n@@ -0,0 +1 @@\n+[]\n",
            ),
        ],
    );
}

#[test]
fn gateways_and_programs_of_ones_own_are_compared_with_the_baseline() {
    let own = "plane: {command: [own], template: own.conf, ready: 80}";
    check(
        &[
            ("none", "plane: none", &[]),
            ("mystery", "plane: none, gateway: ingress", &[("node/gateway.nft", "table\n")]),
            ("own", own, &[("front-v1/own.conf", "listen\n"), ("front-v1/own.pid", "23\n")]),
        ],
        &[
            ("mystery", "--- /dev/null\n+++ mystery/node/gateway.nft\n@@ -0,0 +1 @@\n+table\n"),
            ("own", "--- /dev/null\n+++ own/front-v1/own.conf\n@@ -0,0 +1 @@\n+listen\n"),
        ],
    );
}

#[test]
fn a_baseline_with_proxies_is_all_added() {
    check(
        &[("first", "plane: sidecar", &[("front-v1/redirect.nft", "table\n")]), ("none", "plane: none", &[])],
        &[("first", "--- /dev/null\n+++ first/front-v1/redirect.nft\n@@ -0,0 +1 @@\n+table\n")],
    );
}
