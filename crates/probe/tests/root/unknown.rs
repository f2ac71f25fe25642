//! What is not known is reported as unknown: never as empty or 0, nor under the name of something else.

use std::io::{IoSlice, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::Command;

use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use testbed::{A, Namespace, V4, Watching, insist_on_root, query, scrape};

/// Creates a TCP socket for addresses of this kind.
fn socket(to: SocketAddr) -> Socket {
    Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap()
}

/// Creates a TCP socket with an address that other sockets may have as well.
fn bound(own: SocketAddr) -> Socket {
    let socket = socket(own);
    socket.set_reuse_address(true).unwrap();
    socket.bind(&own.into()).unwrap();
    socket
}

fn place(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Returns the ports and errors of failed opens, in order.
fn failures(lines: &[Value]) -> Vec<(u64, &str)> {
    let failed = lines.iter().filter(|line| line["event"] == "failed");
    failed.map(|line| (line["remote_port"].as_u64().unwrap_or(0), line["error"].as_str().unwrap_or("none"))).collect()
}

#[test]
fn opens_that_find_every_port_taken_are_told_with_their_error() {
    insist_on_root();
    let namespace = Namespace::new("ports");
    let mut connect = Watching::begin("connect", &["--json", "--netns", &namespace.file()]);
    namespace.within(|| {
        std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40003").unwrap();
        for server in ["127.0.0.1:7711", "[::1]:7711"].map(place) {
            let own_port = |port| bound(SocketAddr::new(server.ip(), port));
            let _listener = TcpListener::bind(server).unwrap();
            let _taken: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(server).unwrap()).collect();
            let exhausted = socket(server);
            exhausted.connect(&server.into()).unwrap_err();
            // The same socket connects once more.
            exhausted.connect(&server.into()).unwrap_err();
            // A port of its own, which is in use by another connection to this server.
            let [first, second] = [own_port(40_100), own_port(40_100)];
            first.connect(&server.into()).unwrap();
            second.connect(&server.into()).unwrap_err();
            // An open that is refused has a port.
            own_port(40_101).connect(&SocketAddr::new(server.ip(), 7712).into()).unwrap_err();
        }
    });
    let lines = connect.lines(18);
    let expected = [(7711, "EADDRNOTAVAIL"), (7711, "EADDRNOTAVAIL"), (7711, "EADDRNOTAVAIL"), (7712, "ECONNREFUSED")];
    assert_eq!(failures(&lines), [expected, expected].concat(), "{lines:?}");
    assert_eq!(connect.end(), Vec::<Value>::new());
}

#[test]
fn opens_without_a_route_are_told_as_their_socket_is_closed() {
    insist_on_root();
    let namespace = Namespace::new("nowhere");
    let mut connect = Watching::begin("connect", &["--json", "--netns", &namespace.file()]);
    namespace.within(|| {
        for there in ["192.0.2.1:7721", "[2001:db8::1]:7722", "[::ffff:192.0.2.1]:7723"].map(place) {
            socket(there).connect(&there.into()).unwrap_err();
        }
        // Neither of these sockets was meant to connect.
        drop(socket(place(V4)));
        drop(TcpListener::bind(V4).unwrap());
        TcpStream::connect("127.0.0.1:7724").unwrap_err();
    });
    let mut lines = connect.lines(1);
    assert_eq!(lines[0]["error"], "NO_ROUTE", "{lines:?}");
    lines.extend(connect.lines(3));
    let errors: Vec<&Value> = lines.iter().map(|line| &line["error"]).collect();
    assert_eq!(errors, ["NO_ROUTE", "NO_ROUTE", "NO_ROUTE", "ECONNREFUSED"], "{lines:?}");
    let told: Vec<&Value> = lines.iter().map(|line| &line["remote_addr"]).collect();
    assert_eq!(told, ["192.0.2.1", "2001:db8::1", "192.0.2.1", "127.0.0.1"]);
    for (line, port) in [(&lines[0], 7721), (&lines[2], 7723)] {
        assert_eq!((&line["remote_port"], &line["local_port"]), (&port.into(), &Value::Null), "{line}");
    }
    // Some kernels keep the port for IPv6.
    assert!([Value::Null, 7722.into()].contains(&lines[1]["remote_port"]), "{lines:?}");
    assert!(lines.iter().all(|line| line["pid"] == std::process::id()), "{lines:?}");
    assert_eq!(connect.end(), Vec::<Value>::new());
}

#[test]
fn the_agent_counts_opens_without_a_route_as_failed() {
    insist_on_root();
    let namespace = Namespace::new("unrouted");
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--no-udp", "--no-dns"]);
    namespace.within(|| {
        for _ in 0..23 {
            TcpStream::connect("192.0.2.1:7731").unwrap_err();
        }
    });
    let text = scrape(&agent.place());
    let labels = format!("reporter=\"source\",source_workload=\"{}\"", namespace.name());
    let line =
        text.lines().find(|line| line.starts_with("meshtax_tcp_connect_failures_total") && line.contains(&labels));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    assert!(line.contains("destination_service=\"192.0.2.1:7731\"") && line.ends_with(" 23"), "{line}");
}

/// Hides a listener from the witness: it is on its way from one process to another.
fn hide(listener: TcpListener) -> [UnixStream; 2] {
    let [here, there] = UnixStream::pair().unwrap().into();
    let files = [listener.as_raw_fd()];
    let message = [ControlMessage::ScmRights(&files)];
    sendmsg::<()>(here.as_raw_fd(), &[IoSlice::new(b"x")], &message, MsgFlags::empty(), None).unwrap();
    [here, there]
}

#[test]
fn owners_that_nobody_knows_are_unknown() {
    insist_on_root();
    let alone = || {
        // This network namespace has no name.
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        let listener = TcpListener::bind(V4).unwrap();
        let server = listener.local_addr().unwrap();
        (hide(listener), server)
    };
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let (hidden, server) = alone();
                let port = server.port().to_string();
                // The agent serves in the same namespace.
                let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
                let mut life = Watching::begin("life", &["--json", "--port", &port]);
                let mut client = TcpStream::connect(server).unwrap();
                client.write_all(&[7; 1_000]).unwrap();
                let text = scrape(&agent.place());
                drop(client);
                drop(hidden);
                check_labels(&text, &port);
                let lines = life.lines(2);
                let told = lines.iter().find(|line| line["role"] == "server").unwrap();
                for fact in ["pid", "uid", "comm", "pod", "service"] {
                    assert!(told[fact].is_null(), "{fact} in {told}");
                }
                assert_eq!(told["bytes_received"], 1_000, "{told}");
            })
            .join()
            .unwrap();
    });
}

fn check_labels(text: &str, port: &str) {
    assert!(!text.contains("=\"\""), "no label is empty: {text}");
    assert!(!text.contains("=\":"), "no name is empty: {text}");
    let opened = "istio_tcp_connections_opened_total{reporter=\"destination\"";
    let is_told = |line: &&str| line.starts_with(opened) && line.contains(&format!("unknown:{port}\""));
    let line = text.lines().find(is_told).unwrap_or_else(|| panic!("{text}"));
    assert!(line.contains("destination_workload=\"unknown\"") && line.ends_with(" 1"), "{line}");
}

#[test]
fn bytes_that_a_sockmap_may_carry_past_tcp_are_unknown() {
    insist_on_root();
    let options =
        libbpf_sys::bpf_map_create_opts { sz: size_of::<libbpf_sys::bpf_map_create_opts>() as _, ..Default::default() };
    let sockmap = MapHandle::create(MapType::Sockmap, Some("witness"), 4, 8, 2, &options).unwrap();
    let namespace = Namespace::new("sockmap");
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--no-udp", "--no-dns"]);
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    for is_mapped in [true, false] {
        let (mut client, server) = namespace.within(|| {
            let listener = TcpListener::bind(V4).unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (client, listener.accept().unwrap().0)
        });
        if is_mapped {
            for (place, file) in [(0u32, client.as_raw_fd()), (1, server.as_raw_fd())] {
                let value = u64::try_from(file).unwrap().to_ne_bytes();
                sockmap.update(&place.to_ne_bytes(), &value, MapFlags::ANY).unwrap();
            }
        }
        client.write_all(&[7; 1_000]).unwrap();
        // The end that closes first, and the one that is told.
        drop(client);
        drop(server);
    }
    let lines = life.lines(4);
    let bytes = |line: &Value| (line["bytes_sent"].as_u64(), line["bytes_received"].as_u64());
    assert!(lines[..2].iter().all(|line| bytes(line) == (None, None)), "{lines:?}");
    assert!(lines[2..].iter().all(|line| line["bytes_sent"].is_u64()), "{lines:?}");
    let text = scrape(&agent.place());
    let name = format!("workload=\"{}\"", namespace.name());
    let of_us = |line: &&str| line.starts_with("meshtax_tcp_unknown_bytes_connections_total") && line.contains(&name);
    let counted: Vec<&str> = text.lines().filter(of_us).collect();
    let sum: f64 = counted.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
    assert_eq!(sum, 2.0, "one at each end: {counted:?}");
}

/// Returns an answer to a query with this number of records in each section.
fn answer(query: &[u8], code: u8, sections: [u16; 3], records: &[u8]) -> Vec<u8> {
    let mut message = query.to_vec();
    message[2] |= 0x80;
    message[3] = code;
    for (count, at) in sections.into_iter().zip([6, 8, 10]) {
        message[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
    [&message, records].concat()
}

/// Returns an EDNS record with the upper bits of a code (RFC 6891).
fn edns(upper: u8, options: &[u8]) -> Vec<u8> {
    [&[0, 0, 41, 4, 208, upper, 0, 0, 0, 0, u8::try_from(options.len()).unwrap()], options].concat()
}

/// Returns an address record, whose name is either written out or a pointer to the question's.
fn address(name: &[u8]) -> Vec<u8> {
    [name, &[0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]].concat()
}

#[test]
fn codes_that_take_more_bits_than_the_header_has_are_told_whole() {
    insist_on_root();
    const COOKIE: [u8; 12] = [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];
    const SAME: [u8; 2] = [0xc0, 12];
    const OTHER: &[u8] = b"\x02ns\x04prod\x07example\0";
    let amid = [address(&SAME), address(OTHER), address(b"\x02ns\xc0\x0c"), edns(1, &COOKIE), address(OTHER)].concat();
    let cases: [(u8, [u16; 3], Vec<u8>, &str); 11] = [
        (0, [0, 0, 0], Vec::new(), "NOERROR"),
        (0, [0, 0, 1], edns(1, &[]), "BADVERS"),
        (7, [0, 0, 1], edns(1, &COOKIE), "BADCOOKIE"),
        (7, [0, 0, 1], edns(0, &COOKIE), "YXRRSET"),
        (0, [1, 0, 1], [address(&SAME), edns(0, &[])].concat(), "NOERROR"),
        (7, [1, 1, 3], amid, "BADCOOKIE"),
        (5, [0, 0, 1], address(OTHER), "REFUSED"),
        (14, [0, 0, 1], edns(15, &[]), "RCODE254"),
        (15, [0, 0, 1], edns(255, &[]), "RCODE4095"),
        // Records that cannot be reached.
        (0, [0, 0, 1], Vec::new(), "UNKNOWN"),
        (0, [300, 0, 1], [address(&SAME).repeat(300), edns(1, &[])].concat(), "UNKNOWN"),
    ];
    let namespace = Namespace::new("codes");
    let mut dns = Watching::begin("dns", &["--json", "--netns", &namespace.file()]);
    let [server, client] =
        ["127.0.0.1:53", "127.0.0.1:0"].map(|place| namespace.within(|| UdpSocket::bind(place).unwrap()));
    client.connect(server.local_addr().unwrap()).unwrap();
    for (id, (code, sections, records, _)) in (0..).zip(&cases) {
        client.send(&query(id, "db.example", A)).unwrap();
        let mut asked = [0; 512];
        let (length, from) = server.recv_from(&mut asked).unwrap();
        server.send_to(&answer(&asked[..length], *code, *sections, records), from).unwrap();
        client.recv(&mut asked).unwrap();
    }
    let lines = dns.lines(cases.len());
    let told: Vec<&str> = lines.iter().map(|line| line["rcode"].as_str().unwrap()).collect();
    assert_eq!(told, cases.iter().map(|(.., told)| *told).collect::<Vec<_>>());
    assert_eq!(dns.end(), Vec::<Value>::new());
}
