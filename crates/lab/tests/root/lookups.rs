//! Names in pods, on hosts that look names up in ways of their own.

use std::process::Command;

use serde_json::Value;
use testbed::{insist_on_root, meshtax, words};

/// A host, for whatever is started in it, that asks no DNS server.
const ELSEWHERE: &str = "mount --bind \"$0\" /etc/nsswitch.conf && exec \"$@\"";

#[test]
fn pods_find_services_where_the_host_asks_no_dns() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let switch = home.path().join("nsswitch.conf");
    std::fs::write(&switch, "hosts: files\n").unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", ELSEWHERE]).arg(&switch).arg(meshtax().get_program());
    command.args("run --topology topologies/pair.yaml --arms none --requests 3 --rounds 1 --json --out".split(' '));
    let output = command.arg(home.path().join("run")).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let measurement: Value = serde_json::from_slice(&output.stdout).unwrap();
    let metrics = &measurement["arms"][0]["metrics"];
    assert_eq!((&metrics["requests"]["value"], &metrics["errors"]["value"]), (&3.0.into(), &0.0.into()), "{metrics}");
}
