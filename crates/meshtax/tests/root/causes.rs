//! Errors name their cause: limits of this process, missing capabilities or a user namespace, but never the kernel's
//! age.

use std::process::{Command, Output};

use testbed::{binary, insist_on_root, words};

/// Runs meshtax after a shell's `preparation`, with `launcher` before it.
fn said(preparation: &str, launcher: &str, arguments: &str) -> Output {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let script = format!("{preparation} exec {launcher} timeout 60 {} {arguments}", binary());
    Command::new("sh").args(["-c", &script]).current_dir(home.path()).output().unwrap()
}

/// Checks that it could not run and says these words, and nothing about other causes.
fn check(output: &Output, wanted: &[&str]) {
    let said = words(output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    wanted.iter().for_each(|wanted| assert!(said.contains(wanted), "no `{wanted}` in: {said}"));
    for guess in ["Linux 5.13", "EOF", "no control groups", "end of file", "may execute it"] {
        assert!(!said.contains(guess), "{said}");
    }
}

/// Runs as root without these capabilities, as a container may.
fn without(capabilities: &str, arguments: &str) -> Output {
    let dropped = capabilities.split(',').map(|name| format!("-{name}")).collect::<Vec<_>>().join(",");
    said("", &format!("setpriv --bounding-set={dropped} --inh-caps={dropped}"), arguments)
}

/// With too few open files, the kernel's errors name no cause, and tools would see less than they claim.
#[test]
fn too_few_open_files_for_the_live_tools_and_the_agent() {
    let tools = ["life", "connect", "top", "rtt", "drops", "udp", "dns"];
    let tools = tools.map(|tool| format!("{tool} --duration 100ms"));
    for arguments in tools.into_iter().chain(["agent --listen 127.0.0.1:0".to_owned()]) {
        for most in [8, 12, 16] {
            let output = said(&format!("ulimit -n {most};"), "", &arguments);
            check(
                &output,
                &["open files or more, and the hard limit of open files (RLIMIT_NOFILE) is ", "hint: raise it"],
            );
        }
    }
    // With one more than the number that is too few, nothing is missing.
    for tool in ["life", "drops", "udp", "dns"] {
        let output = said("ulimit -n 8;", "", &format!("{tool} --duration 100ms"));
        let takes = words(&output).split_once("this takes ").unwrap().1.split_once(' ').unwrap().0.to_owned();
        let output = said(&format!("ulimit -n {takes};"), "", &format!("{tool} --duration 100ms"));
        assert!(!words(&output).contains("this takes"), "{}", words(&output));
        if output.status.code() != Some(0) {
            check(&output, &["Too many open files", "hint: the limit of open files is reached"]);
        }
    }
}

#[test]
fn too_few_open_files_for_a_lab_are_told_before_anything_stands() {
    let run = "run experiments/pair.yaml --requests 12 --rounds 2 --stands 1";
    let output = said("ulimit -n 60;", "", run);
    check(&output, &["open files, but the hard limit of open files (RLIMIT_NOFILE) is 60", "--nofile=1000:1000"]);
    assert!(!words(&output).contains("it will take about"), "{}", words(&output));
    // With exactly the files that it needs, a run begins. If that is not enough after all, the error names the limit.
    let takes = words(&output).split_once("takes at least ").unwrap().1.split_once(' ').unwrap().0.to_owned();
    let output = said(&format!("ulimit -n {takes};"), "", run);
    assert!(words(&output).contains("it will take about"), "{}", words(&output));
    if output.status.code() != Some(0) {
        check(&output, &["Too many open files", &format!("(RLIMIT_NOFILE, {takes})")]);
    }
}

/// Without CAP_KILL a lab could never be removed, because its proxies could not be ended.
#[test]
fn capabilities_that_a_lab_lacks_are_named_before_anything_stands() {
    for (name, dropped) in [
        ("NET_ADMIN", "net_admin"),
        ("SYS_ADMIN", "sys_admin"),
        ("CHOWN", "chown"),
        ("KILL", "kill"),
        ("SETUID", "setuid"),
        ("SYS_CHROOT", "sys_chroot"),
        ("NET_BIND_SERVICE", "net_bind_service"),
    ] {
        let output = without(dropped, "run experiments/pair.yaml --requests 12 --rounds 2 --stands 1");
        check(&output, &[&format!("this root lacks CAP_{name}\n"), &format!("`--cap-add {name}`")]);
        assert!(!words(&output).contains("it will take about"), "{}", words(&output));
    }
}

#[test]
fn capabilities_that_the_witness_lacks_are_named() {
    for (dropped, names) in [
        ("bpf,sys_admin", "CAP_BPF"),
        ("perfmon,sys_admin", "CAP_PERFMON"),
        ("bpf,perfmon,sys_admin", "CAP_BPF, CAP_PERFMON"),
    ] {
        check(&without(dropped, "life --duration 1s"), &[&format!("hint: this process lacks {names}: run it as root")]);
    }
    let udp = without("net_admin,sys_admin", "udp --duration 1s");
    check(&udp, &["this user may not load BPF programs", "hint: this process lacks CAP_NET_ADMIN: run it as root"]);
    let contained = said("", "unshare --user --map-root-user", "life --duration 1s");
    check(&contained, &["this user may not load BPF programs", "hint: this is root in a user namespace"]);
}

/// Without CAP_NET_ADMIN, the agent misses only the servers behind translated addresses.
#[test]
fn the_agent_serves_without_the_capability_for_translated_addresses() {
    insist_on_root();
    let script = format!(
        "timeout --signal INT 3 setpriv --bounding-set=-net_admin --inh-caps=-net_admin {} agent --listen 127.0.0.1:0",
        binary()
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let said = words(&output);
    assert!(said.contains("not seen from here: servers behind translated addresses"), "{said}");
    assert!(said.contains("CAP_NET_ADMIN") && said.contains("metrics at http://127.0.0.1:"), "{said}");
}
