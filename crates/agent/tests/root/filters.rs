//! Filters of the live tools let through what they name, and nothing else.

use std::net::Ipv4Addr;
use std::process::Command;

use serde_json::Value;

use super::prometheus::Group;
use testbed::{Peer, V4, Watching, insist_on_root, words};

/// Connects from an address of its own, and closes.
const CONNECT: &str = "
import socket, sys
socket.create_connection(('127.0.0.1', int(sys.argv[1])), source_address=('127.0.0.9', 0)).close()
";

/// Makes a connection between two sockets of this process, and one by another process in its own control group.
fn traffic(server: &Peer, group: &Group) {
    server.exchange(10, 10, |_| ());
    let script = format!("echo $$ > {}/cgroup.procs && exec python3 -c \"$0\" \"$@\"", group.folder().display());
    let mut command = Command::new("sh");
    command.args(["-c", &script, CONNECT, &server.port().to_string()]);
    let output = std::thread::scope(|scope| {
        scope.spawn(|| server.attend());
        command.output().unwrap()
    });
    assert!(output.status.success(), "{}", words(&output));
}

#[test]
fn a_tool_tells_of_the_process_the_name_the_group_or_the_network_that_it_is_asked_for() {
    insist_on_root();
    let (server, group) = (Peer::listen(V4), Group::make(2));
    let (port, own) = (server.port().to_string(), std::process::id());
    let (pid, folder) = (own.to_string(), group.folder().display().to_string());
    // Both ends of the first connection and one end of the second belong to this process.
    let asked = [
        (["--pid", &pid], 3),
        (["--comm", "python3"], 1),
        (["--cgroup", &folder], 1),
        (["--cidr", "127.0.0.9/32"], 2),
        (["--cidr", "127.0.0.0/29"], 4),
    ];
    let tools = asked.map(|(filter, count)| {
        let tool = Watching::begin("life", &[&["--json", "--port", &*port], &filter[..]].concat());
        (filter, tool, count)
    });
    traffic(&server, &group);
    for (filter, mut tool, count) in tools {
        let lines = tool.lines(count);
        assert_eq!(tool.end(), Vec::<Value>::new(), "{filter:?}");
        let other = Ipv4Addr::new(127, 0, 0, 9).to_string();
        let is_of_other = |line: &&Value| line["local_addr"] == *other || line["remote_addr"] == *other;
        match filter {
            ["--pid", _] => assert!(lines.iter().all(|line| line["pid"] == own), "{lines:?}"),
            ["--comm" | "--cgroup", _] => {
                assert!(lines[0]["comm"] == "python3" && lines[0]["local_addr"] == *other, "{lines:?}");
            }
            [_, network] if network.ends_with("/32") => {
                assert_eq!(lines.iter().filter(is_of_other).count(), 2, "{lines:?}");
            }
            // The server's address lies in this network and is one end of every connection.
            _ => assert_eq!(lines.iter().filter(is_of_other).count(), 2, "{lines:?}"),
        }
    }
}

#[test]
fn a_connection_names_the_service_that_is_called_at_both_ends() {
    insist_on_root();
    let server = Peer::listen(V4);
    let port = server.port().to_string();
    let tools = ["life", "connect", "accept"].map(|tool| (tool, Watching::begin(tool, &["--json", "--port", &port])));
    let mut text = Watching::begin("life", &["--count", "2", "--port", &port]);
    server.exchange(10, 10, |_| ());
    for (tool, mut watching) in tools {
        for line in watching.lines(if tool == "life" { 2 } else { 1 }) {
            // The thread that listens also connects.
            let name = format!("{}:{port}", line["comm"].as_str().unwrap());
            assert_eq!(line["service"], name, "{tool}: {line}");
        }
    }
    assert!(text.plain_line().trim_end().ends_with(" POD             SERVICE"));
    for line in text.text().lines() {
        assert!(line.ends_with(&format!(":{port}")), "{line}");
    }
}

#[test]
fn a_stranger_that_is_called_has_no_name() {
    insist_on_root();
    // The listener is closed.
    let port = std::net::TcpListener::bind(V4).unwrap().local_addr().unwrap().port();
    let mut connect = Watching::begin("connect", &["--json", "--port", &port.to_string()]);
    std::net::TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    let line = &connect.lines(1)[0];
    assert!(line.get("service").is_some_and(Value::is_null), "{line}");
}

#[test]
fn a_connection_has_the_kernels_times_in_order() {
    insist_on_root();
    let server = Peer::listen(V4);
    let mut life = Watching::begin("life", &["--json", "--port", &server.port().to_string()]);
    let before = jiff::Timestamp::now();
    server.exchange(10, 10, |_| ());
    let lines = life.lines(2);
    let after = jiff::Timestamp::now();
    // The two clocks are read one after the other, and the wall clock may be adjusted meanwhile.
    let leeway = jiff::SignedDuration::from_millis(100);
    for line in lines {
        let time = |name: &str| -> jiff::Timestamp { line[name].as_str().unwrap().parse().unwrap() };
        let times = [before - leeway, time("opened"), time("established"), time("closed"), after + leeway];
        assert!(times.is_sorted(), "{times:?}: {line}");
        let lived = time("closed").duration_since(time("established")).as_secs_f64() * 1e3;
        assert!((lived - line["duration_ms"].as_f64().unwrap()).abs() < 1e-3, "{line}");
    }
}

#[test]
fn histograms_are_drawn_for_each_interval() {
    insist_on_root();
    let server = Peer::listen(V4);
    let port = server.port().to_string();
    let mut open = server.open();
    open.move_bytes(10, 10);
    let mut rtt = Watching::begin("rtt", &["--interval", "10ms", "--count", "3", "--port", &port]);
    assert_eq!(rtt.text().matches("srtt (us) : count").count(), 3);
    let mut backlog = Watching::begin("backlog", &["--interval", "10ms", "--port", &port]);
    let mut drawn = 0;
    // What is in one interval is not in the next.
    for _ in 0..3 {
        let _more = server.open();
        while !backlog.plain_line().starts_with(&format!("port {port}, backlog_max")) {}
        drawn += 1;
        assert!(backlog.plain_line().contains("backlog : count"));
        assert!(backlog.plain_line().contains(": 1 "), "one came");
    }
    assert_eq!(drawn, 3);
    backlog.interrupt();
    assert!(!backlog.text().contains("backlog_max"), "nothing came any more");
}
