//! Names in pods, on hosts that look names up in ways of their own.

use std::process::Command;

use serde_json::Value;
use testbed::{insist_on_root, meshtax, words};

/// A host, for whatever is started in it, that has another file in `/etc`.
const ELSEWHERE: &str = "mount --bind \"$0\" \"/etc/$(basename \"$0\")\" && exec \"$@\"";

#[test]
fn pods_find_services_where_the_host_asks_no_dns() {
    check("nsswitch.conf", "hosts: files\n");
}

#[test]
fn pods_know_nothing_of_the_hosts_own_names() {
    check("hosts", "127.0.0.1 localhost\n127.0.0.1 back\n");
}

/// Services find each other on a host with such a file.
fn check(name: &str, text: &str) {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(name);
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", ELSEWHERE]).arg(&file).arg(meshtax().get_program());
    command.args("run --topology topologies/pair.yaml --arms none --requests 3 --rounds 1 --json --out".split(' '));
    let output = command.arg(home.path().join("run")).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let measurement: Value = serde_json::from_slice(&output.stdout).unwrap();
    let metrics = &measurement["arms"][0]["metrics"];
    assert_eq!((&metrics["requests"]["value"], &metrics["errors"]["value"]), (&3.0.into(), &0.0.into()), "{metrics}");
    let back = measurement["arms"][0]["services"].as_array().unwrap().iter().find(|count| count["service"] == "back");
    assert_eq!(back.unwrap()["requests"], 3, "{measurement}");
}
