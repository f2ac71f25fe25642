//! `meshtax udp` and the agent report exactly the datagrams and bytes that applications sent and read.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::Stdio;

use serde_json::Value;

use super::datagram::{ASK, Exchanged, Manner, SERVE, exchange, sizes};
use super::heir::heir;
use testbed::{Namespace, V4, V6, Watching, insist_on_being_alone, insist_on_root, number, sample, scrape};

/// Starts the tool with a short interval, for one port.
fn watch(port: u16) -> Watching {
    Watching::begin("udp", &["--json", "--interval", "20ms", "--rows", "100000", "--port", &port.to_string()])
}

/// Returns what the lines report about this end: a server is asked, and a client asks.
fn told(lines: &[Value], port: u16, role: &str) -> Exchanged {
    let is_server = role == "server";
    let own = if is_server { "local_port" } else { "remote_port" };
    let (asked, answered) = if is_server { ("received", "sent") } else { ("sent", "received") };
    let mut told = Exchanged::default();
    for line in lines.iter().filter(|line| line[own] == port && line["role"] == role) {
        told.asked += number(line, &format!("datagrams_{asked}"));
        told.asked_bytes += number(line, &format!("bytes_{asked}"));
        told.answered += number(line, &format!("datagrams_{answered}"));
        told.answered_bytes += number(line, &format!("bytes_{answered}"));
    }
    told
}

/// Checks that both ends report everything that was exchanged, and no more.
fn check_told(udp: &mut Watching, port: u16, exchanged: Exchanged) -> Vec<Value> {
    let has_all = |lines: &[Value], role| told(lines, port, role).answered >= exchanged.answered;
    let mut lines = udp.until(|lines| has_all(lines, "server") && has_all(lines, "client"));
    lines.extend(udp.end());
    assert_eq!(told(&lines, port, "server"), exchanged, "{lines:?}");
    assert_eq!(told(&lines, port, "client"), exchanged, "{lines:?}");
    lines
}

fn check(address: &str, manner: Manner) {
    insist_on_root();
    // A port that the program has chosen makes it a server.
    let free = UdpSocket::bind(address).unwrap().local_addr().unwrap();
    let server = UdpSocket::bind(free).unwrap();
    let mut udp = watch(free.port());
    let exchanged = exchange(&server, manner, &sizes(23, 30_000));
    let lines = check_told(&mut udp, free.port(), exchanged);
    assert!(lines.iter().all(|line| line["pid"] == std::process::id() && line["dropped"] == 0), "{lines:?}");
}

#[test]
fn twenty_three_exchanges_are_twenty_three_to_the_byte() {
    for manner in [Manner::Connected, Manner::Unconnected] {
        check(V4, manner);
        check(V6, manner);
    }
}

#[test]
fn a_socket_older_than_the_witness_has_its_owner_and_one_of_ipv6_speaks_ipv4() {
    insist_on_root();
    let free = UdpSocket::bind("[::]:0").unwrap().local_addr().unwrap();
    let server = UdpSocket::bind(free).unwrap();
    let client = UdpSocket::bind(V4).unwrap();
    let mut udp = watch(free.port());
    for _ in 0..23 {
        client.send_to(&[7; 10], ("127.0.0.1", free.port())).unwrap();
    }
    let mut lines = udp.until(|lines| told(lines, free.port(), "server").asked >= 23);
    lines.extend(udp.end());
    assert_eq!(told(&lines, free.port(), "server").asked_bytes, 230);
    assert!(lines.iter().all(|line| line["remote_addr"] == "127.0.0.1"), "{lines:?}");
    assert!(lines.iter().all(|line| line["pid"] == std::process::id()), "{lines:?}");
    drop(server);
}

#[test]
fn datagrams_between_namespaces_count_once_at_each_end_however_many_packets_they_take() {
    insist_on_root();
    let [asking, serving] = Namespace::pair("datagrams");
    for (address, port) in [("10.77.0.2", 7801), ("fd77::2", 7802)] {
        let mut udp = watch(port);
        let sizes = sizes(23, 20_000);
        let port_text = port.to_string();
        let mut server = serving.command(&["python3", "-c", SERVE, address, &port_text, "23"]);
        let mut server = server.stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let texts: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        let ask: Vec<&str> =
            ["python3", "-c", ASK, address, &port_text].into_iter().chain(texts.iter().map(String::as_str)).collect();
        asking.inside(&ask);
        assert!(server.wait().unwrap().success());
        let bytes: u64 = sizes.iter().map(|size| *size as u64).sum();
        let exchanged = Exchanged { asked: 23, asked_bytes: bytes, answered: 23, answered_bytes: 2 * bytes };
        let lines = check_told(&mut udp, port, exchanged);
        let pods = |role: &str| {
            lines.iter().filter(|line| line["role"] == role).map(|line| line["pod"].clone()).collect::<Vec<_>>()
        };
        assert!(pods("client").iter().all(|pod| pod == asking.name()), "{lines:?}");
        assert!(pods("server").iter().all(|pod| pod == serving.name()), "{lines:?}");
    }
}

#[test]
fn what_a_full_queue_drops_is_what_was_sent_and_never_read() {
    insist_on_root();
    let free = UdpSocket::bind(V4).unwrap().local_addr().unwrap();
    let server = UdpSocket::bind(free).unwrap();
    socket2::SockRef::from(&server).set_recv_buffer_size(20_000).unwrap();
    server.set_nonblocking(true).unwrap();
    let port = free.port().to_string();
    let mut udp = watch(free.port());
    let mut drops = Watching::begin("drops", &["--json", "--port", &port]);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let client = UdpSocket::bind(V4).unwrap();
    for _ in 0..230 {
        client.send_to(&[7; 1_000], free).unwrap();
    }
    let sum = |lines: &[Value], name: &str| lines.iter().map(|line| number(line, name)).sum::<u64>();
    // Nothing is in flight any more.
    let mut lines = udp.until(|lines| sum(lines, "datagrams_received") >= 230);
    let mut room = [0; 2_000];
    let read = std::iter::from_fn(|| server.recv(&mut room).ok()).count() as u64;
    let dropped = 230 - read;
    assert!(read > 0 && dropped > 0, "{read} of 230 were read");
    lines.extend(udp.end());
    assert_eq!((sum(&lines, "dropped_queue_full"), sum(&lines, "dropped")), (dropped, dropped));
    assert_eq!((sum(&lines, "datagrams_received"), sum(&lines, "datagrams_sent")), (230, 230));

    let mut told = drops.lines(usize::try_from(dropped).unwrap());
    told.extend(drops.end());
    assert_eq!(told.len() as u64, dropped);
    let is_whole = |line: &&Value| line["reason"] == "SOCKET_RCVBUFF" && line["pid"] == std::process::id();
    assert!(told.iter().all(|line| is_whole(&line)), "{told:?}");

    let text = scrape(&agent.place());
    let of_server = ["reporter=\"destination\"", &format!(":{port}\"")];
    assert_eq!(sample(&text, "meshtax_udp_dropped_datagrams_total", &of_server), dropped);
    assert_eq!(sample(&text, "meshtax_udp_received_datagrams_total", &of_server), 230);
    assert_eq!(sample(&text, "meshtax_udp_received_bytes_total", &of_server), 230_000);
}

#[test]
fn the_agent_counts_datagrams_by_service_whatever_port_clients_have() {
    insist_on_root();
    let free = UdpSocket::bind(V4).unwrap().local_addr().unwrap();
    let server = UdpSocket::bind(free).unwrap();
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let mut bytes = 0;
    for _ in 0..23 {
        bytes += exchange(&server, Manner::Connected, &[100, 0, 1_000]).asked_bytes;
    }
    let text = scrape(&agent.place());
    for (reporter, asked, answered) in [("source", "sent", "received"), ("destination", "received", "sent")] {
        let port = format!(":{}\"", free.port());
        let service = [&format!("reporter=\"{reporter}\"")[..], &port, "network_transport=\"udp\""];
        let value = |name: &str| sample(&text, &format!("meshtax_udp_{name}_total"), &service);
        assert_eq!(value(&format!("{asked}_datagrams")), 69, "{reporter}");
        assert_eq!(value(&format!("{answered}_datagrams")), 69, "{reporter}");
        assert_eq!(value(&format!("{asked}_bytes")), bytes, "{reporter}");
        assert_eq!(value(&format!("{answered}_bytes")), 2 * bytes, "{reporter}");
        let of_service = |line: &&str| {
            line.starts_with("meshtax_udp_sent_datagrams_total{") && service.iter().all(|part| line.contains(part))
        };
        assert_eq!(text.lines().filter(of_service).count(), 1, "sockets of clients are one series");
    }
}

#[test]
fn what_finds_no_room_is_counted_as_other() {
    insist_on_being_alone();
    let namespace = Namespace::new("crowd");
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--max-series", "10000"]);
    // The namespace has no listeners, and each port makes a series.
    const CROWD: &str = "
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(10000, 20000):
    sock.sendto(b'7', ('127.0.0.1', port))
";
    namespace.inside(&["python3", "-c", CROWD]);
    let text = scrape(&agent.place());
    let own =
        sample(&text, "meshtax_udp_sent_datagrams_total", &[&format!("source_workload=\"{}\"", namespace.name())]);
    let other = sample(&text, "meshtax_udp_sent_datagrams_total", &["destination_workload=\"other\""]);
    let overflow = sample(&text, "meshtax_agent_udp_series_overflow_total", &[]);
    assert!(own < 8_192, "{own} series");
    assert!(own + other >= 10_000, "{own} and {other}");
    assert!(overflow >= 10_000 - own, "{overflow}");
}

/// Rules that translate the destination address and port of outgoing datagrams.
const TRANSLATE: &str = "table ip service { chain c { type nat hook output priority -100; \
                         ip daddr 10.96.0.10 udp dport 53 dnat to 127.0.0.1:5353; }; }";

#[test]
fn datagrams_that_are_translated_are_one_conversation_with_whom_the_program_named() {
    insist_on_root();
    let namespace = Namespace::new("translated");
    namespace.inside(&["nft", TRANSLATE]);
    namespace.inside(&["ip", "address", "add", "10.96.0.10", "dev", "lo"]);
    let [server, other] =
        ["127.0.0.1:5353", "127.0.0.1:5454"].map(|place| namespace.within(|| UdpSocket::bind(place).unwrap()));
    let filter = ["--json", "--interval", "20ms", "--netns", &namespace.file()];
    let mut udp = Watching::begin("udp", &filter);
    let client = || namespace.within(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    let [connected, unconnected] = [client(), client()];
    connected.connect("10.96.0.10:53").unwrap();
    let answer = || {
        let mut room = [0; 64];
        let (length, from) = server.recv_from(&mut room).unwrap();
        server.send_to(&room[..length], from).unwrap();
    };
    for _ in 0..23 {
        connected.send(&[7; 10]).unwrap();
        answer();
        connected.recv(&mut [0; 64]).unwrap();
        unconnected.send_to(&[7; 10], "10.96.0.10:53").unwrap();
        answer();
        unconnected.recv(&mut [0; 64]).unwrap();
        // Sent to another address than the one connected to.
        connected.send_to(&[7; 5], "127.0.0.1:5454").unwrap();
        other.recv(&mut [0; 64]).unwrap();
    }
    let sum = |lines: &[Value], socket: &UdpSocket, remote: &str, name: &str| {
        let port = socket.local_addr().unwrap().port();
        let is_it = |line: &&Value| {
            let place = format!("{}:{}", line["remote_addr"].as_str().unwrap(), line["remote_port"]);
            line["local_port"] == port && line["role"] == "client" && place == remote
        };
        lines.iter().filter(is_it).map(|line| number(line, name)).sum::<u64>()
    };
    let mut lines = udp.until(|lines| sum(lines, &connected, "127.0.0.1:5454", "datagrams_sent") >= 23);
    lines.extend(udp.end());
    for (socket, remote, sent, received) in [
        (&connected, "10.96.0.10:53", 23, 23),
        (&unconnected, "10.96.0.10:53", 23, 23),
        (&connected, "127.0.0.1:5454", 23, 0),
    ] {
        let told = ["datagrams_sent", "datagrams_received"].map(|name| sum(&lines, socket, remote, name));
        assert_eq!(told, [sent, received], "{remote}: {lines:?}");
    }
    let is_known = |line: &Value| line["role"] == "server" || line["remote_port"] == 53 || line["remote_port"] == 5454;
    assert!(lines.iter().all(is_known), "nothing else is told: {lines:?}");
}

#[test]
fn who_sends_first_is_the_client_whatever_port_it_has_until_others_ask_it() {
    insist_on_root();
    let namespace = Namespace::new("sides");
    let mut udp = Watching::begin("udp", &["--json", "--interval", "20ms", "--netns", &namespace.file()]);
    let bind = |place| namespace.within(|| UdpSocket::bind(place).unwrap());
    // The kernel chose the first socket's port, and the socket is asked. The second socket chose its own port, and
    // asks.
    let [far, near, late] = ["127.0.0.1:0", "127.0.0.1:123", "127.0.0.1:0"].map(bind);
    let exchange = |from: &UdpSocket, to: &UdpSocket| {
        for (from, to) in [(from, to), (to, from)] {
            from.send_to(&[7; 48], to.local_addr().unwrap()).unwrap();
            to.recv(&mut [0; 64]).unwrap();
        }
    };
    let count = |lines: &[Value], socket: &UdpSocket, role: &str| {
        let port = socket.local_addr().unwrap().port();
        let own = lines.iter().filter(|line| line["local_port"] == port && line["role"] == role);
        own.map(|line| number(line, "datagrams_sent") + number(line, "datagrams_received")).sum::<u64>()
    };
    (0..23).for_each(|_| exchange(&near, &far));
    let mut lines = udp.until(|lines| count(lines, &near, "client") >= 46 && count(lines, &far, "server") >= 46);
    exchange(&late, &near);
    lines.extend(udp.until(|lines| count(lines, &late, "client") >= 2 && count(lines, &near, "server") >= 2));
    lines.extend(udp.end());
    let told = [(&near, "client"), (&far, "server"), (&late, "client"), (&near, "server")];
    assert_eq!(told.map(|(socket, role)| count(&lines, socket, role)), [46, 46, 2, 2], "{lines:?}");
    assert_eq!(lines.iter().map(|line| number(line, "datagrams_sent")).sum::<u64>(), 48);
}

/// Makes a socket and hands it to a program with another name, which sends.
const HANDING: &str = "
import os, socket, sys
name, sending = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.sendto(b'before', ('127.0.0.1', 9))
os.set_inheritable(sock.fileno(), True)
os.execv(name, [name, '-c', sending, str(sock.fileno())])
";

const SENDING: &str = "
import socket, sys
socket.socket(fileno=int(sys.argv[1])).sendto(b'after', ('127.0.0.1', 9))
";

#[test]
fn a_socket_is_whose_it_was_handed_to_once_that_has_sent() {
    insist_on_root();
    let namespace = Namespace::new("handed");
    let home = tempfile::tempdir().unwrap();
    let name = heir(home.path());
    let mut udp = Watching::begin("udp", &["--json", "--interval", "20ms", "--netns", &namespace.file()]);
    namespace.inside(&["python3", "-c", HANDING, &name, SENDING]);
    let bytes = |lines: &[Value], comm: &str| {
        lines.iter().filter(|line| line["comm"] == comm).map(|line| number(line, "bytes_sent")).sum::<u64>()
    };
    let mut lines = udp.until(|lines| bytes(lines, "the-heir") >= 5);
    lines.extend(udp.end());
    assert_eq!(["python3", "the-heir"].map(|comm| bytes(&lines, comm)), [6, 5], "{lines:?}");
}
