//! `meshtax drops` and the agent report every packet that the kernel drops, and why.

use std::net::{TcpListener, TcpStream, UdpSocket};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use testbed::{Namespace, V4, V6, Watching, insist_on_being_alone, insist_on_root, sample, scrape};

/// A Python program that sends `count` datagrams within a namespace: `port count`.
const SEND: &str = "
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[2])):
    sock.sendto(b'seven b', ('127.0.0.1', int(sys.argv[1])))
";

/// Checks that there are as many lines as expected, all with this reason, and no others.
fn check(drops: &mut Watching, count: usize, reason: &str, protocol: &str) -> Vec<Value> {
    let mut lines = drops.lines(count);
    lines.extend(drops.end());
    assert_eq!(lines.len(), count, "{lines:?}");
    let fits = |line: &Value| line["reason"] == reason && line["protocol"] == protocol && line["benign"] == false;
    assert!(lines.iter().all(fits), "{lines:?}");
    lines
}

/// Returns a port without a listener. It was this process's a moment ago.
fn deserted(address: &str) -> std::net::SocketAddr {
    UdpSocket::bind(address).unwrap().local_addr().unwrap()
}

#[test]
fn twenty_three_datagrams_to_nobody_are_twenty_three_drops() {
    insist_on_root();
    for address in [V4, V6] {
        let nobody = deserted(address);
        let mut drops = Watching::begin("drops", &["--json", "--port", &nobody.port().to_string()]);
        let client = UdpSocket::bind(address).unwrap();
        for _ in 0..23 {
            client.send_to(b"seven b", nobody).unwrap();
        }
        let lines = check(&mut drops, 23, "NO_SOCKET", "udp");
        let from = client.local_addr().unwrap();
        for line in lines {
            assert_eq!(line["source_port"], from.port(), "{line}");
            assert_eq!(line["destination_addr"], nobody.ip().to_string(), "{line}");
            assert!(line["location"].as_str().unwrap().contains("udp"), "{line}");
            assert_eq!(line["netns"], own_netns(), "{line}");
        }
    }
}

#[test]
fn twenty_three_refused_connections_are_twenty_three_opens_dropped() {
    insist_on_root();
    let port = TcpListener::bind(V4).unwrap().local_addr().unwrap().port();
    let mut drops = Watching::begin("drops", &["--json", "--port", &port.to_string()]);
    for _ in 0..23 {
        TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    }
    let lines = check(&mut drops, 23, "NO_SOCKET", "tcp");
    assert!(lines.iter().all(|line| line["tcp_flags"] == "SYN"), "{lines:?}");
}

#[test]
fn what_a_rule_drops_in_a_namespace_is_told_there_and_counted_by_the_agent() {
    insist_on_root();
    let namespace = Namespace::new("ruled");
    let rule = "table ip ruled { chain c { type filter hook prerouting priority 0; udp dport 7900 drop; }; }";
    namespace.inside(&["nft", rule]);
    let mut drops = Watching::begin("drops", &["--json", "--netns", &namespace.file()]);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--no-udp"]);
    namespace.inside(&["python3", "-c", SEND, "7900", "23"]);
    let lines = check(&mut drops, 23, "NETFILTER_DROP", "udp");
    assert!(lines.iter().all(|line| line["pod"] == namespace.name()), "{lines:?}");
    assert!(lines.iter().all(|line| line["destination_port"] == 7900), "{lines:?}");
    let text = scrape(&agent.place());
    let labels = ["reason=\"NETFILTER_DROP\"", "protocol=\"udp\"", &format!("workload=\"{}\"", namespace.name())];
    assert_eq!(sample(&text, "meshtax_drops_total", &labels), 23);
    assert!(!text.contains("meshtax_udp_sent"), "nothing counts datagrams");
}

#[test]
fn what_is_refused_on_its_way_out_is_its_senders() {
    insist_on_root();
    let namespace = Namespace::new("kept-in");
    let rule = "table ip kept { chain c { type filter hook output priority 0; udp dport 7901 drop; }; }";
    namespace.inside(&["nft", rule]);
    let mut drops = Watching::begin("drops", &["--json", "--netns", &namespace.file()]);
    // Sending fails, which the program ignores.
    let send =
        SEND.replace("    sock.sendto", "    try: sock.sendto").replace("])))", "])))\n    except OSError: pass");
    namespace.inside(&["python3", "-c", &send, "7901", "23"]);
    let lines = check(&mut drops, 23, "NETFILTER_DROP", "udp");
    assert!(lines.iter().all(|line| line["comm"] == "python3"), "{lines:?}");
    assert!(lines.iter().all(|line| line["pid"].as_u64() > Some(1)), "{lines:?}");
}

#[test]
fn drops_that_nobody_misses_are_told_only_to_those_who_ask() {
    insist_on_root();
    let server = UdpSocket::bind(V4).unwrap();
    let place = server.local_addr().unwrap();
    let port = place.port().to_string();
    let client = UdpSocket::bind(V4).unwrap();
    let mut drops = Watching::begin("drops", &["--json", "--port", &port]);
    let mut all = Watching::begin("drops", &["--json", "--port", &port, "--all"]);
    for _ in 0..23 {
        client.send_to(b"unread", place).unwrap();
    }
    drop(server);
    let told = all.lines(23);
    assert!(told.iter().all(|line| line["benign"] == true), "{told:?}");
    // This drop is not harmless, and comes after all others.
    client.send_to(b"late", place).unwrap();
    let told = drops.lines(1);
    assert_eq!(told[0]["reason"], "NO_SOCKET", "{told:?}");
}

#[test]
fn what_finds_the_ring_full_is_said_and_still_counted() {
    insist_on_root();
    let namespace = Namespace::new("flooded");
    let mut drops = Watching::begin("drops", &["--json", "--netns", &namespace.file()]);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--no-udp"]);
    let id = Pid::from_raw(i32::try_from(drops.id()).unwrap());
    kill(id, Signal::SIGSTOP).unwrap();
    namespace.inside(&["python3", "-c", SEND, "7902", "20000"]);
    let reader = std::thread::spawn(move || {
        kill(id, Signal::SIGCONT).unwrap();
        let (lines, said) = {
            let first = drops.lines(1);
            let (rest, said) = drops.end_saying();
            (first.len() + rest.len(), said)
        };
        let lost = said.lines().find_map(|line| line.strip_prefix("lost ")?.split(' ').next()?.parse::<usize>().ok());
        (lines, lost.unwrap_or_else(|| panic!("nothing was lost: {said}")))
    });
    let (lines, lost) = reader.join().unwrap();
    assert!(lines + lost >= 20_000, "{lines} told, {lost} lost");
    let text = scrape(&agent.place());
    let labels = ["reason=\"NO_SOCKET\"", "protocol=\"udp\"", &format!("workload=\"{}\"", namespace.name())];
    assert_eq!(sample(&text, "meshtax_drops_total", &labels), 20_000);
}

/// Packets of several unknown protocols, one of each.
const BABBLE: &str = "
import socket, sys
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind(('lo', 0))
for protocol in range(0xa000, 0xa000 + int(sys.argv[1])):
    sock.send(bytes(12) + protocol.to_bytes(2, 'big') + bytes(46))
";

#[test]
fn what_finds_no_room_for_a_series_is_counted_as_other() {
    insist_on_being_alone();
    const SERIES_MAX: u64 = 4096;
    let namespace = Namespace::new("babble");
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--no-udp"]);
    namespace.inside(&["python3", "-c", BABBLE, "5000"]);
    let text = scrape(&agent.place());
    let workload = format!("workload=\"{}\"", namespace.name());
    let named = sample(&text, "meshtax_drops_total", &["protocol=\"0x", &workload]);
    let other = sample(&text, "meshtax_drops_total", &["reason=\"other\""]);
    assert!(named <= SERIES_MAX && named + other >= 5000, "{named} {other}");
    assert!(sample(&text, "meshtax_agent_drop_series_overflow_total", &[]) >= 5000 - SERIES_MAX, "{text}");
}

/// Returns the number of this process's network namespace.
fn own_netns() -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self/ns/net").unwrap().ino()
}
