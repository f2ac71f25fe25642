//! What each kernel shows: everything from Linux 5.13 on, and before that what needs no storage in a socket. These
//! tests hold on every kernel; `make test-kernels` runs them in old and new ones.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use testbed::{Moved, Peer, V4, V6, Watching, insist_on_root, meshtax, words};

/// Tools that are useless without byte counts or a list of the open sockets.
const EXACT: [&str; 5] = ["top", "life", "backlog", "rtt", "agent"];

/// Returns whether this kernel lets programs store something in a socket.
fn is_exact() -> bool {
    is_since((5, 12))
}

fn is_since(version: (u32, u32)) -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split('.').map(|number| number.parse::<u32>().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap()) >= version
}

/// Checks that opens are reported at both ends, each with its owner if the kernel knows it.
fn check_opens(addresses: &str) {
    insist_on_root();
    let server = Peer::listen(addresses);
    let port = server.port().to_string();
    let [mut connect, mut accept] =
        ["connect", "accept"].map(|tool| Watching::begin(tool, &["--json", "--port", &port]));
    let moved: Vec<Moved> = (0..23).map(|_| server.exchange(10, 10, |_| ())).collect();
    let us = Value::from(process::id());
    let clients = moved.iter().map(|moved| (moved.client, moved.server));
    let servers = moved.iter().map(|moved| (moved.server, moved.client));
    let accepted_by = if is_exact() { us.clone() } else { Value::Null };
    check_told(&connect.lines(23), "client", clients, &us);
    check_told(&accept.lines(23), "server", servers, &accepted_by);
    assert_eq!((connect.end(), accept.end()), (Vec::new(), Vec::new()), "nothing else is told");
}

fn check_told(lines: &[Value], role: &str, ends: impl Iterator<Item = (u16, u16)>, owner: &Value) {
    let ports = |line: &Value| (line["local_port"].as_u64().unwrap(), line["remote_port"].as_u64().unwrap());
    assert!(lines.iter().map(ports).eq(ends.map(|(local, remote)| (local.into(), remote.into()))), "{lines:?}");
    for line in lines {
        assert_eq!((&line["role"], &line["error"], &line["pid"]), (&role.into(), &Value::Null, owner), "{line}");
        assert!(line["handshake_ms"].as_f64().unwrap() > 0.0, "{line}");
        assert_eq!(line["bytes_sent"].is_null(), !is_exact(), "what cannot be known is not told as 0: {line}");
    }
}

#[test]
fn opens_are_told_on_every_kernel() {
    check_opens(V4);
    check_opens(V6);
}

#[test]
fn drops_are_told_on_every_kernel() {
    insist_on_root();
    let nobody = UdpSocket::bind(V4).unwrap().local_addr().unwrap();
    let mut drops = Watching::begin("drops", &["--json", "--port", &nobody.port().to_string()]);
    let client = UdpSocket::bind(V4).unwrap();
    for _ in 0..23 {
        client.send_to(b"seven b", nobody).unwrap();
    }
    let reason = if is_since((5, 17)) { "NO_SOCKET" } else { "UNKNOWN" };
    for line in drops.lines(23) {
        assert_eq!((&line["reason"], &line["protocol"]), (&reason.into(), &"udp".into()), "{line}");
        assert_eq!(line["source_port"], client.local_addr().unwrap().port(), "{line}");
        assert!(line["location"].as_str().unwrap().contains("udp"), "{line}");
    }
    assert_eq!(drops.end(), Vec::<Value>::new());
}

#[test]
fn resets_are_told_on_every_kernel() {
    insist_on_root();
    // The port was this process's a moment ago, and has no listener now.
    let port = TcpListener::bind(V4).unwrap().local_addr().unwrap().port();
    let mut resets = Watching::begin("resets", &["--json", "--port", &port.to_string()]);
    for _ in 0..23 {
        TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    }
    for line in resets.lines(23) {
        assert_eq!((&line["event"], &line["state"]), (&"reset_received".into(), &"SYN_SENT".into()), "{line}");
        assert_eq!((&line["pid"], &line["remote_port"]), (&process::id().into(), &port.into()), "{line}");
    }
    assert_eq!(resets.end(), Vec::<Value>::new());
}

#[test]
fn segments_sent_again_are_told_on_every_kernel() {
    insist_on_root();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let place = listener.local_addr().unwrap().as_socket().unwrap();
    let mut retrans = Watching::begin("retrans", &["--json", "--port", &place.port().to_string()]);
    // The queue has room for one connection. The kernel drops the other's SYN, which is retransmitted until one is
    // accepted.
    let _first = TcpStream::connect(place).unwrap();
    // The handshake may end at the client first.
    assert_eq!(poll(&mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE), Ok(1));
    let second = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    second.set_nonblocking(true).unwrap();
    second.connect(&place.into()).unwrap_err();
    let line = &retrans.lines(1)[0];
    assert_eq!(line["event"], "retransmitted", "{line}");
    assert_eq!((&line["state"], &line["retransmits"]), (&"SYN_SENT".into(), &1.into()), "{line}");
    assert_eq!((&line["remote_port"], &line["pid"]), (&place.port().into(), &process::id().into()), "{line}");
}

#[test]
fn tools_that_count_bytes_refuse_kernels_that_cannot() {
    insist_on_root();
    for tool in EXACT {
        let arguments: &[&str] = if tool == "agent" { &["--listen", "127.0.0.1:0"] } else { &["--json"] };
        if is_exact() {
            Watching::begin(tool, arguments).end();
            continue;
        }
        let output = meshtax().arg(tool).args(arguments).output().unwrap();
        let said = words(&output);
        assert_eq!(output.status.code(), Some(2), "{tool}: {said}");
        assert!(said.starts_with("error: this kernel refuses `tcp`"), "{tool}: {said}");
        assert!(said.contains("hint: the witness needs Linux 5.13 or newer"), "{tool}: {said}");
    }
}

#[test]
fn doctor_says_what_a_kernel_loses() {
    insist_on_root();
    let output = meshtax().args(["doctor", "--json", "--envoy", "/nonexistent"]).output().unwrap();
    let needs: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let witness = needs.iter().find(|need| need["name"] == "witness").unwrap();
    if is_exact() {
        // Gaps of other witnesses than TCP's follow after that.
        let mut found = witness["found"].as_str().unwrap().split("; ");
        assert_eq!(found.next(), Some("programs load and attach"), "{witness}");
        let has_cause = |gap: &str| gap.starts_with("not seen: ") && gap.ends_with(')');
        assert!(found.all(has_cause) && witness["gap"].is_null(), "{witness}");
        return;
    }
    let what = witness["gap"]["what"].as_str().unwrap_or_else(|| panic!("{witness}"));
    let (lost, left) = what.split_once("do not work").unwrap_or_else(|| panic!("{what}"));
    assert!(EXACT.iter().chain(&["dns", "udp"]).all(|tool| lost.contains(&format!("`{tool}`"))), "{what}");
    assert!(
        ["connect", "accept", "retrans", "resets", "drops"].iter().all(|tool| left.contains(&format!("`{tool}`"))),
        "{what}"
    );
}
