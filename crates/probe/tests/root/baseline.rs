//! Connections that are older than the witness, and connections of other namespaces.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use probe::Tcp;
use records::{ConnectionRole, CounterKey};

use super::duplex::{Duplex, Sender};
use super::socket::Socket;
use testbed::{Namespace, Peer, V4, Watching, insist_on_root, told, truth};

/// Rules that drop every packet with data.
const HELD_BACK: &str = "table ip held { chain c { type filter hook prerouting priority 0; \
                         tcp flags & (syn | fin | rst) == 0 meta length > 200 drop; }; }";

#[test]
fn what_ends_unwatched_has_ended_all_the_same() {
    insist_on_root();
    let namespace = Namespace::new("unwatched");
    let mut probe = Tcp::load().unwrap();
    probe.attach().unwrap();
    let [first, second] = [(); 2].map(|()| namespace.within(|| Duplex::open(V4)));
    // Each connection has two ends.
    let ours = |probe: &Tcp| {
        let series = probe.series().unwrap();
        let ours = series.into_iter().filter(|(key, _)| u64::from(key.netns) == namespace.inode());
        ours.fold((0, 0), |(opened, closed), (_, series)| (opened + series.opened, closed + series.closed))
    };
    assert_eq!(ours(&probe), (4, 0));
    probe.detach();
    first.close();
    probe.attach().unwrap();
    assert_eq!(ours(&probe), (4, 2));
    second.close();
    assert_eq!(ours(&probe), (4, 4));
}

#[test]
fn what_was_born_unwatched_is_not_opened_as_it_ends() {
    insist_on_root();
    let namespace = Namespace::new("unborn");
    let mut probe = Tcp::load().unwrap();
    probe.attach().unwrap();
    let listener = namespace.within(|| TcpListener::bind(V4).unwrap());
    probe.detach();
    let client = namespace.within(|| TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    // The connection is not accepted yet, so no process holds it.
    probe.attach().unwrap();
    let (server, _) = listener.accept().unwrap();
    Duplex { client, server }.close();
    let series = probe.series().unwrap();
    let ours = series.into_iter().filter(|(key, _)| u64::from(key.netns) == namespace.inode());
    let mut ours = ours.map(|(key, series)| (key.role, series.opened, series.closed)).collect::<Vec<_>>();
    ours.sort_by_key(|(role, ..)| *role as u8);
    assert_eq!(ours, [(ConnectionRole::Client, 0, 1), (ConnectionRole::Server, 0, 1)]);
}

#[test]
fn what_waits_to_be_read_as_the_witness_comes_has_been_received() {
    insist_on_root();
    let server = Peer::listen(V4);
    let mut open = server.open();
    open.send(5_000);
    let mut life = Watching::begin("life", &["--json", "--port", &server.port().to_string()]);
    open.receive(5_000);
    open.move_bytes(70, 800);
    let mut moved = open.close(|_| ());
    moved.up -= 5_000;
    assert_eq!(told(&life.lines(2)), truth(&[moved]));
}

#[test]
fn what_is_in_flight_as_the_witness_comes_has_been_sent_and_not_received() {
    insist_on_root();
    let namespace = Namespace::new("flight");
    let server = namespace.within(|| Peer::listen(V4));
    let mut open = namespace.within(|| server.open());
    namespace.inside(&["nft", HELD_BACK]);
    open.send(5_000);
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    namespace.inside(&["nft", "delete table ip held"]);
    open.receive(5_000);
    open.move_bytes(70, 800);
    let moved = open.close(|_| ());
    let lines = life.lines(2);
    let bytes = |role: &str| {
        let line = lines.iter().find(|line| line["role"] == role).unwrap();
        (line["bytes_sent"].as_u64().unwrap(), line["bytes_received"].as_u64().unwrap())
    };
    assert_eq!(bytes("client"), (moved.up - 5_000, moved.down), "{lines:?}");
    assert_eq!(bytes("server"), (moved.down, moved.up), "{lines:?}");
}

#[test]
fn what_was_sent_again_before_the_witness_came_is_not_told_as_new() {
    insist_on_root();
    const PORT: u16 = 7704;
    let namespace = Namespace::lossy("before", PORT);
    let connection = namespace.within(|| Duplex::open(&format!("127.0.0.1:{PORT}")));
    let [client, server] = connection.ports();
    let was_lost = |port| {
        connection.exchange(3_000_000, 4_000_000, Sender::Write);
        let socket = Socket::settled(&namespace, port);
        ["retrans", "rcv_ooopack"].iter().all(|name| socket.number(name) > 0)
    };
    // Which packets are lost is random.
    assert!([client, server].into_iter().all(|port| (0..20).any(|_| was_lost(port))), "nothing was lost");
    for end in ["dport", "sport"] {
        namespace.inside(&["nft", "delete", "table", "ip", &format!("loss_{end}")]);
    }
    let file = namespace.file();
    let mut top = Watching::begin("top", &["--json", "--interval", "20ms", "--netns", &file]);
    let mut life = Watching::begin("life", &["--json", "--netns", &file]);
    connection.exchange(10, 10, Sender::Write);
    let lines = top.lines(2);
    connection.close();
    for line in lines.iter().chain(&life.lines(2)) {
        for name in ["retransmits", "bytes_retransmitted", "out_of_order", "reordered"] {
            assert_eq!(line[name], 0, "{name} of {line}");
        }
    }
}

#[test]
fn a_witness_of_one_namespace_follows_nobody_elsewhere() {
    insist_on_root();
    let [here, there] = ["scope-here", "scope-there"].map(Namespace::new);
    let netns = u32::try_from(here.inode()).unwrap();
    let open = |namespace: &Namespace| {
        let server = namespace.within(|| Peer::listen(V4));
        let open = namespace.within(|| server.open());
        (server, open)
    };
    let older = [open(&here), open(&there)];
    let mut probe = Tcp::load_within([netns]).unwrap();
    probe.attach().unwrap();
    let newer = [open(&here), open(&there)];
    let seen = probe.connections().unwrap();
    assert!(seen.iter().all(|seen| seen.netns == netns), "{seen:?}");
    assert_eq!(seen.len(), 6, "two listeners, and two ends of two connections");
    for (_, open) in older.into_iter().chain(newer) {
        open.close(|_| ());
    }
    let series = probe.series().unwrap();
    let told = series.iter().filter(|(key, _)| !key.is_other());
    let (opened, closed) = told.fold((0, 0), |(opened, closed), (key, series)| {
        assert_eq!(key.netns, netns);
        (opened + series.opened, closed + series.closed)
    });
    assert_eq!((opened, closed), (2, 4), "both ends; the older connection was opened before");
}

/// Listens, and starts a child that executes its program only once a pipe is opened. The child's process id is lower
/// than its parent's, as after a wrap-around, so that an iterator over processes meets it first.
const SPAWNING: &str = "
import os, socket, sys
listener = socket.create_server(('127.0.0.1', 0))
with open('/proc/sys/kernel/ns_last_pid', 'w') as last: last.write('2')
print(listener.getsockname()[1], flush=True)
wait = (os.POSIX_SPAWN_OPEN, 9, sys.argv[1], os.O_RDONLY, 0)
os.waitpid(os.posix_spawn('/bin/true', ['true'], {}, file_actions=[wait]), 0)
";

#[test]
fn what_a_child_holds_before_it_executes_its_program_is_its_parents() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let pipe = home.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).unwrap();
    let mut command = Command::new("python3");
    let mut parent = command.args(["-c", SPAWNING]).arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let children = format!("/proc/{0}/task/{0}/children", parent.id());
    let child = loop {
        let children = fs::read_to_string(&children).unwrap();
        if let Some(child) = children.split_whitespace().next() {
            break child.parse::<u32>().unwrap();
        }
    };
    let mut probe = Tcp::load().unwrap();
    probe.attach().unwrap();
    let port = line.trim_end().parse::<u16>().unwrap();
    let open = probe.connections().unwrap();
    let owners: Vec<u32> = open.iter().filter(|open| open.local.port() == port).map(|open| open.pid).collect();
    fs::write(&pipe, "").unwrap();
    assert!(parent.wait().unwrap().success());
    assert_eq!(owners, [parent.id()]);
    assert!(child < parent.id(), "{child} is met after its parent {}", parent.id());
}
