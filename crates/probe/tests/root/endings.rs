//! Connections with an unusual begin or end.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::duplex::{Duplex, Sender};
use testbed::{Moved, Namespace, V4, V6, Watching, insist_on_root, told, truth};

/// A Python program with both ends. The server answers `up` bytes with `down` bytes and closes at once. With `flags`,
/// the client's first bytes go with `connect`. It prints a line once both ends have moved everything.
const EARLY: &str = "
import socket, sys, threading
port, up, down, flags, protocol = map(int, sys.argv[1:])
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(('127.0.0.1', port))
listener.listen()
def drain(sock, left):
    while left: left -= len(sock.recv(min(left, 1 << 16)))
def serve():
    sock, _ = listener.accept()
    drain(sock, up)
    sock.sendall(bytes(down))
    sock.close()
thread = threading.Thread(target=serve)
thread.start()
sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
sent = 0
if flags:
    sent = sock.sendto(bytes(up), flags, ('127.0.0.1', port))
else:
    sock.connect(('127.0.0.1', port))
sock.sendall(bytes(up - sent))
drain(sock, down)
assert not sock.recv(1)
sock.close()
thread.join()
";
const MSG_FASTOPEN: u32 = 0x2000_0000;
const IPPROTO_MPTCP: u32 = 262;

/// Bytes that one end has sent and received.
type Ends = (u64, u64);

/// Runs [`EARLY`]. Returns what `life` reports about the client and the server.
fn early(namespace: &Namespace, up: u64, down: u64, flags: u32, protocol: u32) -> (Ends, Ends) {
    const PORT: u16 = 7703;
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let numbers = [u64::from(PORT), up, down, flags.into(), protocol.into()].map(|number| number.to_string());
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    namespace.inside(&[&["python3", "-c", EARLY], &numbers[..]].concat());
    let lines = life.lines(2);
    assert_eq!(life.end(), Vec::<Value>::new());
    let moved = |role: &str| {
        let end = lines.iter().find(|line| line["role"] == role).unwrap_or_else(|| panic!("no {role} in {lines:?}"));
        (end["bytes_sent"].as_u64().unwrap(), end["bytes_received"].as_u64().unwrap())
    };
    (moved("client"), moved("server"))
}

#[test]
fn bytes_that_come_with_the_syn_count() {
    insist_on_root();
    let namespace = Namespace::new("early");
    // TCP fast open for client and server, without cookies, for every listener.
    namespace.inside(&["sysctl", "-qw", "net.ipv4.tcp_fastopen=0x607"]);
    let check = |up, down| assert_eq!(early(&namespace, up, down, MSG_FASTOPEN, 0), ((up, down), (down, up)));
    check(700, 900);
    check(100_000, 2);
    let early_ones = namespace.counter("TcpExt", "TCPFastOpenPassive");
    assert_eq!(early_ones, 2, "data came with the SYN");
    // The server answers and closes before the handshake ends, because its last acknowledgement is lost.
    let rules = "table ip loss { chain c { type filter hook prerouting priority 0; \
                 tcp dport 7703 tcp flags == ack numgen inc mod 1000000 == 0 drop; }; }";
    namespace.inside(&["nft", rules]);
    check(700, 900);
}

/// Each MPTCP path reports what it carried. The connection may resend data as new payload of the path.
#[test]
fn multipath_counts_as_its_paths() {
    insist_on_root();
    let namespace = Namespace::new("paths");
    namespace.inside(&["sysctl", "-qw", "net.mptcp.enabled=1"]);
    let (up, down) = (1_000_003, 2_000_005);
    let ((client_sent, client_received), (server_sent, server_received)) =
        early(&namespace, up, down, 0, IPPROTO_MPTCP);
    assert_eq!((client_sent, client_received), (server_received, server_sent));
    assert!(client_sent >= up && client_received >= down, "{client_sent} {client_received}");
    assert_eq!(namespace.counter("MPTcpExt", "MPCapableSYNRX"), 1, "the connection is one of MPTCP");
}

/// Restores a connection without a packet, as the restore of a container does.
const RESTORED: &str = "
import socket, time
TCP_REPAIR, ON, OFF_WITHOUT_PROBE = 19, 1, -1
sock = socket.socket()
sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, ON)
sock.bind(('127.0.0.1', 7705))
sock.connect(('127.0.0.1', 7706))
sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, OFF_WITHOUT_PROBE)
time.sleep(0.1)
sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, ON)
";

#[test]
fn a_connection_that_is_restored_has_been_established() {
    insist_on_root();
    let namespace = Namespace::new("restored");
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    namespace.inside(&["python3", "-c", RESTORED]);
    let line = &life.lines(1)[0];
    assert!(line["established"].is_string(), "{line}");
    assert!(line["duration_ms"].as_f64().is_some_and(|ms| ms >= 100.0), "{line}");
}

#[test]
fn an_open_that_nobody_waits_for_is_given_up() {
    insist_on_root();
    let namespace = Namespace::new("silent");
    namespace.inside(&["nft", "table ip t { chain c { type filter hook input priority 0; tcp dport 7704 drop; }; }"]);
    let mut connect = Watching::begin("connect", &["--netns", &namespace.file()]);
    namespace.within(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let silent: SocketAddr = "127.0.0.1:7704".parse().unwrap();
        socket.connect_timeout(&silent.into(), Duration::from_millis(1)).unwrap_err();
    });
    let line = std::iter::repeat_with(|| connect.plain_line()).find(|line| line.contains("7704")).unwrap();
    assert!(line.contains("GIVEN_UP"), "{line}");
}

#[test]
fn a_socket_that_connects_to_itself_is_one_end_of_both() {
    insist_on_root();
    let namespace = Namespace::new("self");
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let mut alone = namespace.within(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&V4.parse::<SocketAddr>().unwrap().into()).unwrap();
        socket.connect(&socket.local_addr().unwrap()).unwrap();
        TcpStream::from(socket)
    });
    alone.write_all(&[7; 12_345]).unwrap();
    alone.read_exact(&mut [0; 12_345]).unwrap();
    drop(alone);
    let line = &life.lines(1)[0];
    assert_eq!((&line["role"], &line["pid"]), (&"client".into(), &std::process::id().into()), "{line}");
    assert_eq!((&line["bytes_sent"], &line["bytes_received"]), (&12_345.into(), &12_345.into()), "{line}");
    assert!(line["handshake_ms"].as_f64().unwrap() > 0.0, "{line}");
    assert_eq!(life.end(), Vec::<Value>::new());
}

#[test]
fn what_arrived_counts_though_nobody_reads_it() {
    insist_on_root();
    let namespace = Namespace::new("unread");
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let mut connection = namespace.within(|| Duplex::open(V4));
    let [client, server] = connection.ports();
    connection.server.write_all(&[7; 30_000]).unwrap();
    let mut glimpse = vec![0; 30_000];
    while connection.client.peek(&mut glimpse).unwrap() < glimpse.len() {}
    // Closing with unread data sends a reset.
    drop(connection.client);
    connection.server.read(&mut [0]).unwrap_err();
    drop(connection.server);
    let lines = life.lines(2);
    assert_eq!(told(&lines), [((client, server), (0, 30_000)), ((server, client), (30_000, 0))].into());
    let reset = lines.iter().find(|line| line["role"] == "server").unwrap();
    assert_eq!(reset["error"], "ECONNRESET", "{reset}");
}

#[test]
fn bytes_are_exact_where_the_server_closes_half_first() {
    insist_on_root();
    let namespace = Namespace::new("half");
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let mut moved = Vec::new();
    for address in [V4, V6] {
        let connection = namespace.within(|| Duplex::open(address));
        let before = connection.exchange(10, 20, Sender::Write);
        connection.server.shutdown(Shutdown::Write).unwrap();
        assert_eq!((&connection.client).read(&mut [0]).unwrap(), 0);
        let after = connection.exchange(3_000_001, 0, Sender::Write);
        moved.push(Moved { up: before.up + after.up, ..before });
        drop(connection.client);
        assert_eq!((&connection.server).read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(told(&life.lines(4)), truth(&moved));
}
