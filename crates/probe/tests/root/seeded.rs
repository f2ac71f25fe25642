//! Sockets older than the witness that no process holds as a TCP file, and whose role is not obvious from their ports.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use probe::Tcp;
use records::{Connection, ConnectionRole};
use socket2::{Domain, Protocol, Socket, Type};

use super::duplex::{Duplex, Sender};
use testbed::{Namespace, V4, Watching, insist_on_root, told, truth};

/// Returns a listener with a queue of this length.
fn listener(protocol: Protocol, queue: i32) -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(protocol)).unwrap();
    socket.bind(&V4.parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(queue).unwrap();
    socket.into()
}

fn connect(protocol: Protocol, address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(protocol)).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

fn within(namespace: &Namespace, seen: Vec<Connection>) -> Vec<Connection> {
    seen.into_iter().filter(|seen| u64::from(seen.netns) == namespace.inode()).collect()
}

#[test]
fn sockets_of_mptcp_that_are_older_have_their_owner() {
    insist_on_root();
    let namespace = Namespace::new("mptcp");
    let (listener, older) = namespace.within(|| {
        let listener = listener(Protocol::MPTCP, 16);
        let older = Duplex::to(&listener, |address| connect(Protocol::MPTCP, address));
        (listener, older)
    });
    // Watch this namespace only, so that no other process's sockets count as late.
    let mut probe = Tcp::load_within([u32::try_from(namespace.inode()).unwrap()]).unwrap();
    probe.attach().unwrap();
    let newer = namespace.within(|| Duplex::to(&listener, |address| connect(Protocol::TCP, address)));
    let seen = within(&namespace, probe.connections().unwrap());
    let owners: Vec<(ConnectionRole, u32, &str)> =
        seen.iter().map(|seen| (seen.role, seen.pid, seen.comm.as_str())).collect();
    let ours = std::process::id();
    assert!(owners.iter().all(|(_, pid, comm)| *pid == ours && !comm.is_empty()), "{owners:?}");
    let count = |role| owners.iter().filter(|owner| owner.0 == role).count();
    assert_eq!(
        [ConnectionRole::Listener, ConnectionRole::Server, ConnectionRole::Client].map(count),
        [1, 2, 2],
        "{owners:?}"
    );
    older.exchange(5_000, 300, Sender::Write);
    let port = older.ports()[0];
    let seen = within(&namespace, probe.connections().unwrap());
    let client = seen.iter().find(|seen| seen.local.port() == port && seen.role == ConnectionRole::Client).unwrap();
    assert_eq!((client.sent, client.received), (5_000, 300));
    newer.close();
    assert_eq!(probe.losses().unwrap().late, 0);
}

#[test]
fn what_waits_to_be_accepted_as_the_witness_comes_is_followed() {
    insist_on_root();
    let namespace = Namespace::new("waiting");
    let listener = namespace.within(|| TcpListener::bind(V4).unwrap());
    let client = namespace.within(|| TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let (server, _) = listener.accept().unwrap();
    let connection = Duplex { client, server };
    let moved = connection.exchange(100_000, 300, Sender::Write);
    connection.close();
    let lines = life.lines(2);
    assert_eq!(told(&lines), truth(&[moved]));
    let ours = std::process::id();
    assert!(lines.iter().all(|line| line["pid"] == ours && line["older_than_probe"] == true), "{lines:?}");
}

#[test]
fn a_queue_of_no_length_makes_no_server_a_client() {
    insist_on_root();
    let namespace = Namespace::new("no-queue");
    let open = |queue, ends_listening: bool| {
        let listener = listener(Protocol::TCP, queue);
        let connection = Duplex::to(&listener, |address| TcpStream::connect(address).unwrap());
        // Both ends have moved something before.
        connection.exchange(70, 80, Sender::Write);
        ((!ends_listening).then_some(listener), connection)
    };
    let older = namespace.within(|| [open(16, false), open(0, false), open(0, true)]);
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let moved = older.map(|(_listener, connection)| {
        let moved = connection.exchange(1_000, 300, Sender::Write);
        connection.close();
        moved
    });
    assert_eq!(told(&life.lines(6)), truth(&moved));
}

/// A network namespace without a name and without a process, which its sockets keep alive.
fn hidden<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    let enter = || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        assert!(std::process::Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        act()
    };
    thread::spawn(enter).join().unwrap()
}

#[test]
fn what_nothing_could_tell_at_the_start_is_met_late_and_counted() {
    insist_on_root();
    let (listener, client, netns) = hidden(|| {
        let listener = TcpListener::bind(V4).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener, client, fs::metadata("/proc/thread-self/ns/net").unwrap().ino())
    });
    let mut probe = Tcp::load_within([u32::try_from(netns).unwrap()]).unwrap();
    probe.attach().unwrap();
    let (server, _) = listener.accept().unwrap();
    let connection = Duplex { client, server };
    connection.exchange(100, 200, Sender::Write);
    let port = connection.ports()[1];
    connection.close();
    let series = probe.series().unwrap();
    let told = |role| {
        let told = series.iter().find(|(key, _)| key.port == port && key.role == role);
        told.map(|(_, series)| (series.opened, series.closed, series.sent, series.received))
    };
    assert_eq!(told(ConnectionRole::Client), Some((0, 1, 100, 200)), "a process has it as a file");
    assert_eq!(
        told(ConnectionRole::Server),
        Some((0, 1, 0, 0)),
        "the kernel's table of its namespace cannot be opened"
    );
    assert_eq!(probe.losses().unwrap().late, 1);
}
