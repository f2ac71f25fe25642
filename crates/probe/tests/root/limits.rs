//! More than there is room for, and owners that have ended: counted, never wrong.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use probe::Tcp;
use records::CounterKey;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::duplex::{Duplex, Sender};
use testbed::{Namespace, V4, Watching, insist_on_being_alone, insist_on_root, scrape, told, truth};

/// Returns the sum of a metric over the lines that contain all `labels`.
fn sum(text: &str, metric: &str, labels: &[&str]) -> u64 {
    let lines = text.lines().filter(|line| line.starts_with(metric) && labels.iter().all(|label| line.contains(label)));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// Makes a connection within this network namespace at an address of its own, and so two series.
fn open_at(listener: &TcpListener, address: Ipv4Addr) -> Duplex {
    Duplex::to(listener, |place| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
        socket.connect(&SocketAddr::from((address, place.port())).into()).unwrap();
        socket.into()
    })
}

/// Returns what was counted for lack of room.
fn other(probe: &Tcp) -> (u64, u64) {
    let series = probe.series().unwrap();
    // There is one overflow key for each role.
    let others = series.iter().filter(|(key, _)| key.is_other());
    others.fold((0, 0), |(sent, received), (_, other)| (sent + other.sent, received + other.received))
}

#[test]
fn what_finds_no_room_for_a_series_is_counted_as_other() {
    insist_on_being_alone();
    const SERIES_MAX: u32 = 8192;
    const ADDRESSES: u32 = SERIES_MAX / 2 + 100;
    let namespace = Namespace::new("series");
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let mut probe = Tcp::load().unwrap();
    probe.attach().unwrap();
    namespace.within(|| {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let address = |n: u32| Ipv4Addr::from(0x7f01_0000 + n);
        for n in 0..ADDRESSES {
            let mut connection = open_at(&listener, address(n));
            connection.client.write_all(&[7]).unwrap();
            connection.server.read_exact(&mut [0]).unwrap();
            connection.close();
        }
        assert!(probe.losses().unwrap().series > 0);
        // Other processes' connections find no room either, but not always at the same moment.
        let (up, down) = (1_000_003, 2_000_005);
        let is_told_exactly = |n| {
            let before = other(&probe);
            let connection = open_at(&listener, address(ADDRESSES + n));
            connection.exchange(up, down, Sender::Write);
            connection.close();
            let after = other(&probe);
            let more = (after.0 - before.0, after.1 - before.1);
            assert!(more.0 >= up + down && more.1 >= up + down, "{more:?}");
            more == (up + down, up + down)
        };
        assert!((0..1_000).any(is_told_exactly), "never exact");
    });
    let text = scrape(&agent.place());
    assert!(sum(&text, "meshtax_agent_series_overflow_total", &[]) > 0);
    assert!(sum(&text, "istio_tcp_sent_bytes_total", &["destination_workload=\"other\""]) >= 3_000_008);
}

#[test]
fn room_for_series_is_found_again_where_clients_come_and_go() {
    insist_on_being_alone();
    const AT_A_TIME: u32 = 2_500;
    let namespace = Namespace::new("clients");
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--expire", "1s"]);
    let listener = namespace.within(|| TcpListener::bind("0.0.0.0:0").unwrap());
    let ours = format!("destination_workload=\"{}\"", namespace.name());
    // Together they have more addresses than there is room for.
    for wave in 0..3 {
        namespace.within(|| {
            (0..AT_A_TIME).for_each(|n| open_at(&listener, Ipv4Addr::from(0x7f02_0000 + wave * AT_A_TIME + n)).close());
        });
        let text = scrape(&agent.place());
        let opened = sum(&text, "istio_tcp_connections_opened_total", &["reporter=\"destination\"", &ours]);
        // Sums start again once no key adds to them. Nothing is counted twice, and nothing is missed.
        assert!(opened > 0 && opened.is_multiple_of(u64::from(AT_A_TIME)), "{opened} in wave {wave}");
        assert_eq!(sum(&text, "meshtax_agent_series_overflow_total", &[]), 0, "wave {wave}");
        wait_for_room(&agent, "\"series\"");
    }
}

#[test]
fn room_for_datagrams_is_found_again_where_one_port_after_the_other_is_asked() {
    insist_on_being_alone();
    let namespace = Namespace::new("ports");
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--expire", "1s"]);
    namespace.within(|| {
        let client = UdpSocket::bind(V4).unwrap();
        for port in 10_000..15_000 {
            let _server = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
            client.send_to(b"question", (Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    });
    let text = scrape(&agent.place());
    assert!(sum(&text, "meshtax_agent_map_entries", &["witness=\"udp\",map=\"series\""]) >= 5_000, "{text}");
    wait_for_room(&agent, "witness=\"udp\",map=\"series\"");
}

/// Scrapes until most of a map is free.
fn wait_for_room(agent: &Watching, map: &str) {
    let is_free = |text: String| sum(&text, "meshtax_agent_map_entries", &[map]) < 1_000;
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_free(scrape(&agent.place())) {
        assert!(Instant::now() < deadline, "no room in {map}");
    }
}

#[test]
fn events_that_nobody_reads_in_time_are_counted_and_no_metric_misses_them() {
    insist_on_being_alone();
    const CONNECTIONS: usize = 15_000;
    let namespace = Namespace::new("ring");
    let mut stopped = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let mut all = Watching::begin("life", &["--json"]);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    stopped.pause();
    let listener = namespace.within(|| TcpListener::bind(V4).unwrap());
    let mut others = 0;
    for _ in 0..CONNECTIONS / BATCH {
        namespace.within(|| (0..BATCH).for_each(|_| exchange_ten(&listener)));
        others += read_both_ends(&mut all, BATCH, namespace.inode());
    }
    stopped.resume();
    let (told, said) = stopped.end_saying();
    let missed = lost(&said);
    assert!(missed > 0, "the ring was full");
    let known = told.len() + missed;
    // Everything that other processes did so far, whether it was reported or lost.
    let (rest, said) = all.end_saying();
    others += rest.len() + lost(&said);
    // All share one ring. Events of other processes may be lost, but are never reported here.
    assert!((2 * CONNECTIONS..=2 * CONNECTIONS + others).contains(&known), "{known} {others}");
    let text = scrape(&agent.place());
    let ours = format!("_workload=\"{}\"", namespace.name());
    for reporter in ["reporter=\"source\"", "reporter=\"destination\""] {
        let count = |metric: &str| sum(&text, metric, &[reporter, &ours]);
        assert_eq!(count("istio_tcp_connections_opened_total"), CONNECTIONS as u64);
        assert_eq!(count("istio_tcp_connections_closed_total"), CONNECTIONS as u64);
        assert_eq!(count("istio_tcp_received_bytes_total"), 10 * CONNECTIONS as u64);
    }
}

/// Returns how many events a tool says were lost.
fn lost(said: &str) -> usize {
    let lost = said.lines().filter_map(|line| line.strip_prefix("lost ")?.split(' ').next()?.parse::<usize>().ok());
    lost.sum()
}

/// Number of connections that are made before the reader must have caught up.
const BATCH: usize = 500;

/// Makes a connection that moves ten bytes up, within this network namespace.
fn exchange_ten(listener: &TcpListener) {
    let connection = Duplex::to(listener, |address| TcpStream::connect(address).unwrap());
    (&connection.client).write_all(&[7; 10]).unwrap();
    (&connection.server).read_exact(&mut [0; 10]).unwrap();
    connection.close();
}

/// Reads until this number of connections of the namespace is reported. Returns the number of other lines.
fn read_both_ends(life: &mut Watching, connections: usize, inode: u64) -> usize {
    let mut left = 2 * connections;
    let mut others = 0;
    while left > 0 {
        let is_ours = life.lines(1)[0]["netns"] == inode;
        left -= usize::from(is_ours);
        others += usize::from(!is_ours);
    }
    others
}

/// A Python program: two processes hold the ends of several connections until their standard input ends. Each
/// connection has moved 100 bytes up and 200 down.
const HOLD: &str = "
import os, socket, sys
count = int(sys.argv[1])
listener = socket.create_server(('127.0.0.1', 0), backlog=4096)
held = []
if os.fork():
    for _ in range(count):
        sock, _ = listener.accept()
        assert len(sock.recv(100)) == 100
        sock.send(bytes(200))
        held.append(sock)
    sys.stdin.read()
    os.wait()
else:
    for _ in range(count):
        sock = socket.create_connection(listener.getsockname())
        sock.send(bytes(100))
        assert len(sock.recv(200)) == 200
        held.append(sock)
    print('held', flush=True)
    sys.stdin.read()
";

fn hold(namespace: &Namespace, connections: u64) -> Child {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace.name(), "python3", "-c", HOLD, &connections.to_string()]);
    let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    holder.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).expect("both processes hold all");
    holder
}

#[test]
fn twenty_thousand_open_sockets_are_told_to_the_byte() {
    insist_on_being_alone();
    const CONNECTIONS: u64 = 10_000;
    let namespace = Namespace::new("many");
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let file = namespace.file();
    let mut top = Watching::begin("top", &["--json", "--interval", "100ms", "--rows", "100000", "--netns", &file]);
    let mut holder = hold(&namespace, CONNECTIONS);
    let text = scrape(&agent.place());
    assert!(sum(&text, "meshtax_agent_sockets ", &[]) >= 2 * CONNECTIONS);
    let ours = format!("_workload=\"{}\"", namespace.name());
    let count =
        |text: &str, metric: &str, reporter: &str| sum(text, metric, &[&ours, &format!("reporter=\"{reporter}\"")]);
    // Bytes in flight count as sent.
    for reporter in ["source", "destination"] {
        assert_eq!(count(&text, "istio_tcp_sent_bytes_total", reporter), 200 * CONNECTIONS);
        assert_eq!(count(&text, "istio_tcp_received_bytes_total", reporter), 100 * CONNECTIONS);
    }
    assert_eq!(count(&text, "istio_tcp_connections_opened_total", "source"), CONNECTIONS);
    assert_eq!(count(&text, "istio_tcp_connections_closed_total", ""), 0);
    let of_top = |lines: &[Value], name: &str| lines.iter().map(|line| line[name].as_u64().unwrap()).sum::<u64>();
    let mut moved = [0, 0];
    let mut sockets = BTreeSet::new();
    while moved.iter().any(|moved| *moved < 300 * CONNECTIONS) {
        let line = top.lines(1);
        moved[0] += of_top(&line, "bytes_sent");
        moved[1] += of_top(&line, "bytes_received");
        sockets.insert(line[0]["id"].as_u64().unwrap());
    }
    assert_eq!((moved, sockets.len() as u64), ([300 * CONNECTIONS; 2], 2 * CONNECTIONS));
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    let text = scrape(&agent.place());
    for reporter in ["source", "destination"] {
        assert_eq!(count(&text, "istio_tcp_sent_bytes_total", reporter), 200 * CONNECTIONS);
        assert_eq!(count(&text, "istio_tcp_received_bytes_total", reporter), 100 * CONNECTIONS);
        assert_eq!(count(&text, "istio_tcp_connections_closed_total", reporter), CONNECTIONS, "{reporter}");
    }
}

#[test]
fn sockets_that_find_no_room_are_counted_and_the_next_ones_told() {
    insist_on_being_alone();
    const ROOM: u64 = 256;
    const CONNECTIONS: u64 = 200;
    let namespace = Namespace::new("room");
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--max-sockets", &ROOM.to_string()]);
    let listener = namespace.within(|| TcpListener::bind(V4).unwrap());
    let open = || Duplex::to(&listener, |address| TcpStream::connect(address).unwrap());
    let held: Vec<Duplex> = namespace.within(|| (0..CONNECTIONS).map(|_| open()).collect());
    let text = scrape(&agent.place());
    assert!(sum(&text, "meshtax_agent_sockets_untracked_total ", &[]) >= 2 * CONNECTIONS - ROOM, "{text}");
    assert!(sum(&text, "meshtax_agent_sockets ", &[]) <= ROOM);
    held.into_iter().for_each(Duplex::close);
    let ours = format!("_workload=\"{}\"", namespace.name());
    let sent = |text: &str| sum(text, "istio_tcp_sent_bytes_total", &[&ours]);
    let before = sent(&scrape(&agent.place()));
    namespace.within(|| exchange_ten(&listener));
    // Reported by both ends.
    assert_eq!(sum(&scrape(&agent.place()), "istio_tcp_received_bytes_total", &[&ours]), 2 * 10);
    assert_eq!(sent(&scrape(&agent.place())), before);
}

#[test]
fn a_namespace_without_a_name_and_sockets_without_a_process_are_told_to_their_end() {
    insist_on_root();
    let namespace = Namespace::new("vanishing");
    namespace.inside(&["sysctl", "-qw", "net.ipv4.tcp_orphan_retries=1"]);
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let [whole, cut] = [(); 2].map(|()| namespace.within(|| Duplex::open(V4)));
    let moved = cut.exchange(1_000, 2_000, Sender::Write);
    let port = moved.server;
    namespace.inside(&[
        "nft",
        &format!(
            "table ip cut {{ chain c {{ type filter hook prerouting priority 0; tcp dport {port} drop; tcp sport {port} \
             drop; }}; }}"
        ),
    ]);
    drop(namespace);
    let of_whole = whole.exchange(10_000, 20_000, Sender::Write);
    // These bytes are sent and never arrive. The kernel retries for a while after the process has closed the socket.
    (&cut.client).write_all(&[7; 500]).unwrap();
    drop(cut);
    scrape(&agent.place());
    whole.close();
    let lines = life.lines(4);
    let mut expected = truth(&[of_whole, moved]);
    expected.get_mut(&(moved.client, moved.server)).unwrap().0 += 500;
    assert_eq!(told(&lines), expected);
    scrape(&agent.place());
}

/// A process connects and ends, and another process gets its number.
const REUSE: &str = "
import os, socket
listener = socket.create_server(('127.0.0.1', 0))
def child(name, count, wanted):
    pid = os.fork()
    if pid: return pid
    if wanted and os.getpid() != wanted: os._exit(1)
    open('/proc/self/comm', 'w').write(name)
    sock = socket.create_connection(listener.getsockname())
    sock.sendall(bytes(count))
    sock.close()
    os._exit(0)
def serve(count):
    sock, _ = listener.accept()
    while count: count -= len(sock.recv(count))
    assert not sock.recv(1)
first = child('first', 111, 0)
serve(111)
os.waitpid(first, 0)
while True:
    open('/proc/sys/kernel/ns_last_pid', 'w').write(str(first - 1))
    second = child('second', 222, first)
    if second == first: break
    os.waitpid(second, 0)
serve(222)
os.waitpid(second, 0)
";

#[test]
fn a_process_is_not_taken_for_the_one_that_had_its_number_before() {
    insist_on_root();
    let namespace = Namespace::new("reuse");
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    namespace.inside(&["python3", "-c", REUSE]);
    let lines = life.lines(4);
    let clients: Vec<_> = lines.iter().filter(|line| line["role"] == "client").collect();
    assert_eq!(clients[0]["pid"], clients[1]["pid"]);
    let who_sent: Vec<_> = clients.iter().map(|line| (line["comm"].as_str(), line["bytes_sent"].as_u64())).collect();
    assert_eq!(who_sent, [(Some("first"), Some(111)), (Some("second"), Some(222))]);
}
