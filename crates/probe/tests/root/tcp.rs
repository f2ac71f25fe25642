//! The TCP witness: what the live tools and the agent report equals what the applications did, to the byte.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;

use probe::Tcp;
use serde_json::Value;
use testbed::{Moved, Namespace, Peer, V4, V6, Watching, insist_on_root, told, truth};

/// Checks that both ends of every connection are reported with what they moved.
fn check(addresses: &str, transfers: &[(u64, u64)], end: fn(&TcpStream)) {
    insist_on_root();
    let server = Peer::listen(addresses);
    let mut life = Watching::begin("life", &["--json", "--port", &server.port().to_string()]);
    let moved: Vec<Moved> = transfers.iter().map(|&(up, down)| server.exchange(up, down, end)).collect();
    let lines = life.lines(2 * moved.len());
    assert_eq!(told(&lines), truth(&moved));
    assert_eq!(life.end(), Vec::<Value>::new(), "nothing else is told");
}

#[test]
fn bytes_are_exact_in_both_directions() {
    check(V4, &[(0, 0), (1, 0), (0, 1), (1, 1), (100, 1_000), (1_000_003, 7), (3, 20_000_001)], |_| ());
    check(V6, &[(1, 1), (1_234_567, 7_654_321)], |_| ());
}

#[test]
fn bytes_are_exact_where_the_client_closes_half_first() {
    check(V4, &[(5, 0), (100_000, 0), (77, 3_000_000)], |stream| stream.shutdown(Shutdown::Write).unwrap());
}

#[test]
fn twenty_three_of_each_are_twenty_three() {
    insist_on_root();
    let server = Peer::listen(V4);
    let port = server.port().to_string();
    let [mut connect, mut accept, mut life] =
        ["connect", "accept", "life"].map(|tool| Watching::begin(tool, &["--json", "--port", &port]));
    for _ in 0..23 {
        server.exchange(10, 10, |_| ());
    }
    assert_eq!(life.lines(46).len(), 46);
    for (tool, role) in [(&mut connect, "client"), (&mut accept, "server")] {
        let lines = tool.lines(23);
        assert!(lines.iter().all(|line| line["role"] == role && line["error"].is_null()), "{lines:?}");
        assert!(lines.iter().all(|line| line["pid"] == std::process::id()), "{lines:?}");
        assert!(lines.iter().all(|line| line["handshake_ms"].as_f64().unwrap() > 0.0), "{lines:?}");
        assert_eq!(tool.end(), Vec::<Value>::new());
    }
}

#[test]
fn refused_opens_are_told_with_their_error() {
    insist_on_root();
    // The port was this process's a moment ago, and has no listener now.
    let port = TcpListener::bind(V4).unwrap().local_addr().unwrap().port();
    let mut connect = Watching::begin("connect", &["--json", "--port", &port.to_string()]);
    for _ in 0..23 {
        TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    }
    let lines = connect.lines(23);
    assert!(lines.iter().all(|line| line["error"] == "ECONNREFUSED"), "{lines:?}");
    // The other end has not announced its window yet.
    assert!(lines.iter().all(|line| line["zero_window_received"] == false), "{lines:?}");
    assert_eq!(connect.end(), Vec::<Value>::new());
}

#[test]
fn an_abrupt_end_is_told_with_what_was_moved_until_then() {
    insist_on_root();
    let server = Peer::listen(V4);
    let mut probe = Tcp::load().unwrap();
    probe.attach().unwrap();
    let mut life = Watching::begin("life", &["--json", "--port", &server.port().to_string()]);
    let moved = server.exchange(10_000, 20_000, |stream| {
        socket2::SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    });
    let lines = life.lines(2);
    assert_eq!(told(&lines), truth(&[moved]));
    for (role, error) in [("client", "ECONNABORTED"), ("server", "ECONNRESET")] {
        assert!(lines.iter().any(|line| line["role"] == role && line["error"] == error), "{lines:?}");
    }
    let series = probe.series().unwrap();
    let cut_off = series.iter().filter(|(key, _)| key.port == server.port()).map(|(_, series)| series.reset);
    assert_eq!(cut_off.collect::<Vec<_>>(), [1, 1], "one of each side");
}

#[test]
fn a_connection_older_than_the_witness_counts_from_its_begin() {
    insist_on_root();
    let server = Peer::listen(V4);
    let mut open = server.open();
    open.move_bytes(5_000, 6_000);
    let mut life = Watching::begin("life", &["--json", "--port", &server.port().to_string()]);
    open.move_bytes(70, 800);
    let moved = open.close(|_| ());
    let lines = life.lines(2);
    let only_new = Moved { up: 70, down: 800, ..moved };
    assert_eq!(told(&lines), truth(&[only_new]));
    assert!(lines.iter().all(|line| line["older_than_probe"] == true), "{lines:?}");
}

#[test]
fn bytes_are_exact_and_retransmits_the_kernels_where_packets_are_lost() {
    insist_on_root();
    let namespace = Namespace::lossy("lossy", 7700);
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let (up, down) = (3_000_001, 5_000_002);
    namespace.exchange(7700, up, down);
    let lines = life.lines(2);
    let bytes = |role: &str| {
        let line = lines.iter().find(|line| line["role"] == role).unwrap();
        (line["bytes_sent"].as_u64().unwrap(), line["bytes_received"].as_u64().unwrap())
    };
    assert_eq!((bytes("client"), bytes("server")), ((up, down), (down, up)));
    let told: u64 = lines.iter().map(|line| line["retransmits"].as_u64().unwrap()).sum();
    assert_eq!(told, namespace.retransmits());
    assert!(told > 0, "the rule lost nothing");
}

#[test]
fn nothing_of_the_witness_outlives_it() {
    insist_on_root();
    let mut life = Watching::begin("life", &["--json", "--port", "1"]);
    let id = life.id();
    assert!(holds_programs(id), "while it watches it holds programs");
    life.kill();
    assert!(!Path::new(&format!("/proc/{id}")).exists());
    // Programs, maps and links live only as long as their descriptors. If anything were pinned, it could outlive them.
    let pinned = std::fs::read_dir("/sys/fs/bpf").map(|entries| entries.flatten().count()).unwrap_or(0);
    assert_eq!(pinned, 0, "something is pinned");
}

/// Returns whether a process holds BPF programs.
fn holds_programs(id: u32) -> bool {
    let files = std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().flatten();
    files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|target| target.to_string_lossy().contains("bpf"))
}

#[test]
fn top_adds_up_to_what_was_moved() {
    insist_on_root();
    let server = Peer::listen(V4);
    let mut top = Watching::begin(
        "top",
        &["--json", "--interval", "20ms", "--rows", "1000", "--port", &server.port().to_string()],
    );
    let moved: Vec<Moved> = (0..200).map(|n| server.exchange(n + 1, 50_000, |_| ())).collect();
    let sum = |lines: &[Value], name: &str| lines.iter().map(|line| line[name].as_u64().unwrap()).sum::<u64>();
    let all: u64 = moved.iter().map(|moved| moved.up + moved.down).sum();
    let both = |lines: &[Value]| (sum(lines, "bytes_sent"), sum(lines, "bytes_received"));
    let lines = top.until(|lines| both(lines).0 >= all && both(lines).1 >= all);
    assert_eq!(both(&lines), (all, all));
}

#[test]
fn values_for_spreadsheets_have_one_heading_and_add_up_over_intervals() {
    insist_on_root();
    let server = Peer::listen(V4);
    let mut top = Watching::begin("top", &["--csv", "--interval", "20ms", "--port", &server.port().to_string()]);
    let mut open = server.open();
    open.move_bytes(1_000, 20_000);
    let heading = top.plain_line();
    let names: Vec<&str> = heading.trim_end().split(',').collect();
    let cell = |line: &str, name: &str| -> u64 {
        let cells: Vec<&str> = line.trim_end().split(',').collect();
        assert_eq!(cells.len(), names.len(), "{line}");
        cells[names.iter().position(|known| *known == name).unwrap()]
            .parse()
            .unwrap_or_else(|_| panic!("{name}: {line}"))
    };
    let mut sent = 0;
    // Each sum is reached in an interval of its own at the earliest.
    for until in [21_000, 42_000, 63_000] {
        while sent < until {
            let line = top.plain_line();
            assert_ne!(line, heading, "one heading");
            sent += cell(&line, "bytes_sent");
            assert_eq!(cell(&line, "pid"), u64::from(std::process::id()));
        }
        assert_eq!(sent, until);
        if until < 63_000 {
            open.move_bytes(1_000, 20_000);
        }
    }
}
