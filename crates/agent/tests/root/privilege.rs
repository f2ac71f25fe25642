//! Privileges of the agent and the live tools once they run: they can only read what they opened before.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use testbed::{Moved, Namespace, Peer, V4, Watching, insist_on_root, of_clients, scrape, told, truth};

const NOBODY: &str = "65534";

/// The capabilities that the agent needs, as setpriv names them.
const THREE: &str = "-all,+bpf,+perfmon,+net_admin";

/// Checks that no thread of a process has a capability or can gain one.
fn is_harmless(id: u32) {
    let tasks: Vec<_> = fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten().collect();
    assert!(!tasks.is_empty());
    for task in tasks {
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(u64::from_str_radix(value(set), 16), Ok(0), "{set} in {status}");
        }
        assert_eq!(value("NoNewPrivs:"), "1", "{status}");
        // A process without CAP_SETPCAP cannot clear this set.
        if value("Uid:").starts_with('0') {
            assert_eq!(u64::from_str_radix(value("CapBnd:"), 16), Ok(0), "{status}");
        }
    }
}

/// Checks that an agent without privileges still counts exactly.
fn counts_on(agent: &Watching) {
    let server = Peer::listen(V4);
    is_harmless(agent.id());
    assert!(agent.said.contains("gave up all capabilities\n"), "{}", agent.said);
    for round in 1..=2 {
        let moved: Vec<Moved> = (0..23).map(|n| server.exchange(1_000 + n, 2_000, |_| ())).collect();
        let text = scrape(&agent.place());
        let sum: u64 = moved.iter().map(|moved| moved.up).sum();
        assert_eq!(of_clients(&text, "istio_tcp_received_bytes_total", server.port()), round * sum);
        assert_eq!(of_clients(&text, "istio_tcp_connections_closed_total", server.port()), round * 23);
    }
    is_harmless(agent.id());
}

#[test]
fn an_agent_that_root_started_has_no_capability_left_and_counts_on() {
    insist_on_root();
    counts_on(&Watching::begin("agent", &["--listen", "127.0.0.1:0"]));
}

#[test]
fn an_agent_of_nobody_with_the_three_capabilities_counts_as_well() {
    insist_on_root();
    counts_on(&as_nobody(&["agent", "--listen", "127.0.0.1:0"]));
}

#[test]
fn namespaces_keep_their_names_without_any_privilege() {
    insist_on_root();
    let namespace = Namespace::lossy("named", 7701);
    let file = namespace.file();
    let arguments = ["life", "--json", "--netns", &file];
    let as_root = |arguments: &[&str]| Watching::begin(arguments[0], &arguments[1..]);
    for begin in [as_nobody as fn(&[&str]) -> Watching, as_root] {
        let mut life = begin(&arguments);
        namespace.exchange(7701, 100, 200);
        let name = file.strip_prefix("/run/netns/").unwrap();
        assert!(life.lines(2).iter().all(|line| line["pod"] == name), "it is called {name}");
    }
}

/// Runs `meshtax ARGUMENTS` as a user with only the three capabilities.
fn as_nobody(arguments: &[&str]) -> Watching {
    // Other users may not be able to enter the build folder.
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    let program = home.path().join("meshtax");
    fs::copy(testbed::binary(), &program).unwrap();
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        NOBODY,
        "--regid",
        NOBODY,
        "--clear-groups",
        "--inh-caps",
        THREE,
        "--ambient-caps",
        THREE,
    ]);
    command.arg("--").arg(&program).args(arguments);
    Watching::of(command)
}

#[test]
fn live_tools_have_no_capability_left_and_tell_on() {
    insist_on_root();
    let server = Peer::listen(V4);
    let mut life = Watching::begin("life", &["--json", "--port", &server.port().to_string()]);
    is_harmless(life.id());
    let moved: Vec<Moved> = (0..23).map(|n| server.exchange(n, 2_000, |_| ())).collect();
    let lines = life.lines(2 * moved.len());
    assert_eq!(told(&lines), truth(&moved));
    for tool in ["top", "connect", "accept", "retrans", "resets", "backlog", "rtt", "dns", "drops", "udp"] {
        is_harmless(Watching::begin(tool, &[]).id());
    }
}
