//! Round-trip times and retransmits equal what the kernel itself reports about the same socket.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use probe::Tcp;
use records::{Connection, ConnectionRole};
use serde_json::Value;

use super::duplex::{Duplex, Sender};
use super::socket::Socket;
use testbed::{Namespace, V4, Watching, insist_on_root, meshtax, sample, scrape, words};

/// Returns what the tool reports now about the end at `port`.
fn seen(namespace: &Namespace, port: u16) -> Value {
    let mut rtt = meshtax();
    rtt.args(["rtt", "--json", "--duration", "1ms", "--netns", &namespace.file()]);
    let output = rtt.output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut ends = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    ends.find(|end| end["local_port"] == port).unwrap_or_else(|| panic!("no end at {port} in {lines}"))
}

/// Starts a witness of one namespace. It must be as old as everything that it reports completely.
fn witness(namespace: &Namespace) -> Tcp {
    let mut probe = Tcp::load_within([u32::try_from(namespace.inode()).unwrap()]).unwrap();
    probe.attach().unwrap();
    probe
}

/// Returns what the witness reports now about the end at `port`.
fn known(probe: &Tcp, port: u16) -> Value {
    let ends = probe.connections().unwrap();
    let is_here = |end: &&Connection| end.role != ConnectionRole::Listener && end.local.port() == port;
    serde_json::to_value(ends.iter().find(is_here).unwrap()).unwrap()
}

/// Returns `seen` and the output of `ss`, once `ss` reports the same before and after.
fn both(namespace: &Namespace, port: u16, seen: impl Fn() -> Value) -> (Value, Socket) {
    loop {
        let before = Socket::settled(namespace, port);
        let seen = seen();
        if Socket::settled(namespace, port) == before {
            return (seen, before);
        }
    }
}

fn number(facts: &Value, name: &str) -> u64 {
    facts[name].as_u64().unwrap_or_else(|| panic!("{name} of {facts}"))
}

#[test]
fn round_trip_times_are_those_of_ss() {
    insist_on_root();
    let [here, there] = Namespace::pair("rtt");
    // A queue adds travel time to packets.
    here.inside(&"tc qdisc add dev wire root tbf rate 200mbit burst 32kb limit 1mb".split(' ').collect::<Vec<_>>());
    let connection = Duplex::across(&here, &there, "10.77.0.2:0");
    connection.exchange(2_000_000, 1_000, Sender::Write);
    for (namespace, port) in [&here, &there].into_iter().zip(connection.ports()) {
        let (seen, socket) = both(namespace, port, || seen(namespace, port));
        let [smoothed, deviation, least] = socket.round_trip_us();
        assert!(smoothed > 0 && least > 0, "{socket:?}");
        let of_witness = ["srtt_us", "rttvar_us", "rtt_min_us"].map(|name| number(&seen, name));
        assert_eq!(of_witness, [smoothed, deviation, least], "{seen} {socket:?}");
    }
}

#[test]
fn a_handshake_lasts_for_its_listener_from_its_answer_to_the_acknowledgement() {
    insist_on_root();
    let [here, there] = Namespace::pair("greeting");
    let mut accept = Watching::begin("accept", &["--json", "--netns", &there.file()]);
    let probe = witness(&there);
    // Datagrams use up the allowed rate, so that what follows waits.
    here.inside(&"tc qdisc add dev wire root tbf rate 16kbit burst 1600 latency 2s".split(' ').collect::<Vec<_>>());
    here.within(|| {
        let socket = UdpSocket::bind("10.77.0.1:0").unwrap();
        for bytes in [1_400, 200] {
            socket.send_to(&vec![0; bytes], "10.77.0.2:9").unwrap();
        }
    });
    let connection = Duplex::across(&here, &there, "10.77.0.2:0");
    let line = &accept.lines(1)[0];
    let [_, port] = connection.ports();
    let [round_trip_us, ..] = Socket::settled(&there, port).round_trip_us();
    assert!(round_trip_us > 10_000, "nothing waits: {round_trip_us} us");
    let handshake_us = line["handshake_ms"].as_f64().unwrap() * 1e3;
    assert!((handshake_us - round_trip_us as f64).abs() <= 1.0, "{round_trip_us} us, {line}");
    probe.connections().unwrap();
    let sum: Duration = probe.series().unwrap().iter().map(|(_, series)| series.handshake()).sum();
    assert!(sum.as_micros().abs_diff(round_trip_us.into()) <= 1, "{round_trip_us} us, {sum:?}");
}

#[test]
fn how_long_a_handshake_took_is_not_known_where_its_answer_was_sent_again() {
    insist_on_root();
    let [here, there] = Namespace::pair("again");
    here.inside(&[
        "nft",
        "table ip t { chain c { type filter hook prerouting priority 0; \
         tcp flags & (syn | ack) == (syn | ack) numgen inc mod 1000 < 1 drop; }; }",
    ]);
    let [mut accept, mut connect] = [("accept", &there), ("connect", &here)]
        .map(|(tool, at)| Watching::begin(tool, &["--json", "--netns", &at.file()]));
    let _connection = Duplex::across(&here, &there, "10.77.0.2:0");
    let (accepted, connected) = (&accept.lines(1)[0], &connect.lines(1)[0]);
    assert!(accepted["handshake_ms"].is_null() && accepted["opened"].is_null(), "{accepted}");
    assert!(connected["handshake_ms"].as_f64().unwrap() > 500.0, "{connected}");
}

#[test]
fn what_could_not_be_sent_again_was_not() {
    insist_on_root();
    let [here, there] = Namespace::pair("busy");
    let mut retrans = Watching::begin("retrans", &["--json", "--netns", &here.file()]);
    // Segments wait in their own host's queue for longer than the retransmission timeout, each on its own.
    here.inside(&"ip link set wire gso_max_segs 1".split(' ').collect::<Vec<_>>());
    here.inside(&"tc qdisc add dev wire root tbf rate 16kbit burst 1600 limit 200kb".split(' ').collect::<Vec<_>>());
    let connection = Duplex::across(&here, &there, "10.77.0.2:0");
    connection.exchange(6_000, 1, Sender::Write);
    connection.close();
    assert!(here.counter("TcpExt", "TCPSpuriousRtxHostQueues") > 0, "nothing was tried in vain");
    let told = retrans.end();
    assert_eq!(told.len() as u64, here.retransmits(), "{told:?}");
}

#[test]
fn what_is_sent_again_lost_or_out_of_order_is_what_ss_and_the_namespace_say() {
    insist_on_root();
    const PORT: u16 = 7701;
    let namespace = Namespace::lossy("again", PORT);
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let probe = witness(&namespace);
    let connection = namespace.within(|| Duplex::open(&format!("127.0.0.1:{PORT}")));
    let look = |port| both(&namespace, port, || known(&probe, port));
    let lost = |port| {
        let (seen, _) = look(port);
        number(&seen, "retransmitted") > 0 && number(&seen, "out_of_order") > 0
    };
    // Which packets are lost is random.
    let is_told = (0..20).any(|_| {
        connection.exchange(3_000_000, 4_000_000, Sender::Write);
        connection.ports().into_iter().all(lost)
    });
    assert!(is_told, "nothing was lost");
    let mut again = 0;
    for port in connection.ports() {
        let (seen, socket) = look(port);
        for (ours, of_ss) in [
            ("retransmits", "retrans"),
            ("retransmitted", "bytes_retrans"),
            ("out_of_order", "rcv_ooopack"),
            ("reordered", "reord_seen"),
            ("lost", "lost"),
        ] {
            assert_eq!(number(&seen, ours), socket.number(of_ss), "{ours}: {seen} {socket:?}");
        }
        again += number(&seen, "retransmits");
    }
    assert_eq!(again, namespace.retransmits());
    connection.close();
    // The last segments of an end may be lost as well.
    let at_end: u64 = life.lines(2).iter().map(|line| number(line, "retransmits")).sum();
    assert_eq!(at_end, namespace.retransmits());
}

#[test]
fn failed_opens_are_those_that_the_namespace_counts() {
    insist_on_root();
    let namespace = Namespace::new("refused");
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    namespace.within(|| {
        let nobody = TcpListener::bind(V4).unwrap().local_addr().unwrap();
        (0..23).for_each(|_| drop(TcpStream::connect(nobody).unwrap_err()));
    });
    let labels = [format!("source_workload=\"{}\"", namespace.name())];
    let counted = sample(&scrape(&agent.place()), "meshtax_tcp_connect_failures_total", &[&labels[0]]);
    assert_eq!((counted, namespace.counter("Tcp", "AttemptFails")), (23, 23));
}

#[test]
fn marks_of_congestion_are_counted_by_the_one_who_sent_what_is_marked() {
    insist_on_root();
    let [here, there] = Namespace::pair("marks");
    for end in [&here, &there] {
        end.inside(&["sysctl", "-qw", "net.ipv4.tcp_ecn=1"]);
    }
    let rule = "table ip marks { chain c { type filter hook prerouting priority 0; ip ecn ect0 ip ecn set ce; }; }";
    there.inside(&["nft", rule]);
    let mut life = Watching::begin("life", &["--json", "--netns", &here.file()]);
    let probe = witness(&here);
    let connection = Duplex::across(&here, &there, "10.77.0.2:0");
    connection.exchange(300_000, 0, Sender::Write);
    let [client, _] = connection.ports();
    let (seen, socket) = both(&here, client, || known(&probe, client));
    assert!(number(&seen, "ecn_marked") > 0, "{seen}");
    assert_eq!(number(&seen, "ecn_marked"), socket.number("delivered_ce"), "{socket:?}");
    connection.close();
    let line = &life.lines(1)[0];
    assert!(number(line, "ecn_marked") >= number(&seen, "ecn_marked"), "{line}");
}

/// Returns both ends while one sends and the other does not read, and again after it has read.
#[test]
fn a_window_is_zero_for_as_long_as_nobody_reads() {
    insist_on_root();
    let namespace = Namespace::new("window");
    let mut connection = namespace.within(|| Duplex::open(V4));
    let [client, server] = connection.ports();
    let flags = || {
        let [sender, receiver] = [client, server].map(|port| seen(&namespace, port));
        let told = |end: &Value| [&end["zero_window_sent"], &end["zero_window_received"]].map(|flag| flag == true);
        [told(&sender), told(&receiver)]
    };
    assert_eq!(flags(), [[false; 2]; 2]);
    connection.client.set_nonblocking(true).unwrap();
    let chunk = [7; 65_536];
    let mut sent = 0;
    // The window closes a moment after the last byte that it allows.
    let is_closed = |flags| flags == [[false, true], [true, false]];
    let is_told = (0..1_000).any(|_| {
        sent += std::iter::from_fn(|| connection.client.write(&chunk).ok()).sum::<usize>();
        is_closed(flags())
    });
    assert!(is_told, "{:?}", flags());
    let mut left = sent;
    while left > 0 {
        left -= connection.server.read(&mut vec![0; left.min(chunk.len())]).unwrap();
    }
    assert!((0..1_000).any(|_| flags() == [[false; 2]; 2]), "{:?}", flags());
}

/// Some retransmitted segments belong to no connection: SYNs of failed opens, and SYN-ACKs.
#[test]
fn metrics_count_every_segment_that_is_sent_again() {
    insist_on_root();
    const PORT: u16 = 7702;
    let namespace = Namespace::new("opens");
    let rules = format!(
        "table ip loss {{ chain c {{ type filter hook prerouting priority 0; \
         tcp sport {PORT} tcp flags & (syn | ack) == syn | ack numgen inc mod 2 == 0 drop; }}; }}"
    );
    namespace.inside(&["nft", &rules]);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let connections: Vec<Duplex> = namespace.within(|| {
        let listener = TcpListener::bind(("127.0.0.1", PORT)).unwrap();
        let open = || Duplex::to(&listener, |address| TcpStream::connect(address).unwrap());
        (0..2).map(|_| open()).collect()
    });
    connections.into_iter().for_each(|connection| {
        connection.exchange(1_000, 1_000, Sender::Write);
        connection.close();
    });
    let of_namespace = namespace.name().to_owned();
    let text = scrape(&agent.place());
    let here = text.lines().filter(|line| line.starts_with("meshtax_tcp_retransmitted_segments_total{"));
    let here = here.filter(|line| line.contains(&format!("_workload=\"{of_namespace}\"")));
    let counted: u64 = here.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(counted, namespace.retransmits());
    assert!(counted >= 2, "each open needs a second try from one end at least");
}
