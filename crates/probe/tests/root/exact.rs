//! Bytes of long connections: in both directions at once, for every way of sending, and wherever they go.

use std::thread;

use super::duplex::{Duplex, Sender};
use super::socket::Socket;
use testbed::{Moved, Namespace, V4, V6, Watching, insist_on_root, told, truth};

const MB: u64 = 1_000_000;

/// Uses all connections at once, each in both directions. `life` reports their bytes, and nothing else of `--netns`.
fn check(life: &mut Watching, connections: Vec<(Duplex, u64, u64, Sender)>) {
    let moved: Vec<Moved> = thread::scope(|scope| {
        let exchange = |(connection, up, down, by): (Duplex, u64, u64, Sender)| {
            let moved = connection.exchange(up, down, by);
            connection.close();
            moved
        };
        let all: Vec<_> = connections.into_iter().map(|one| scope.spawn(move || exchange(one))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let lines = life.lines(2 * moved.len());
    assert_eq!(told(&lines), truth(&moved));
}

#[test]
fn up_to_a_hundred_megabytes_each_way_at_once_are_exact() {
    insist_on_root();
    let namespace = Namespace::new("long");
    let mut life = Watching::begin("life", &["--json", "--netns", &namespace.file()]);
    let open = |address| namespace.within(|| Duplex::open(address));
    let mut connections = vec![
        (open(V4), 100 * MB, 3 * MB + 1, Sender::SendFile),
        (open(V6), 2 * MB + 1, 100 * MB, Sender::Write),
        (open(V4), 30 * MB + 7, 30 * MB, Sender::Splice),
    ];
    for n in 0..60 {
        let by = [Sender::Write, Sender::SendFile, Sender::Splice][n % 3];
        connections.push((open([V4, V6][n % 2]), MB + n as u64, 2 * MB - n as u64, by));
    }
    check(&mut life, connections);
    assert!(life.end().is_empty(), "nothing else is told");
}

#[test]
fn bytes_are_exact_on_both_sides_of_a_wire() {
    insist_on_root();
    let [here, there] = Namespace::pair("wire");
    let [mut at_here, mut at_there] =
        [&here, &there].map(|end| Watching::begin("life", &["--json", "--netns", &end.file()]));
    let mut moved = Vec::new();
    for (address, by) in [("10.77.0.2:0", Sender::SendFile), ("[fd77::2]:0", Sender::Splice)] {
        let connection = Duplex::across(&here, &there, address);
        moved.push(connection.exchange(10 * MB + 3, 7 * MB + 5, by));
        connection.close();
    }
    let lines = [at_here.lines(2), at_there.lines(2)].concat();
    assert_eq!(told(&lines), truth(&moved));
    assert!(at_here.end().is_empty() && at_there.end().is_empty(), "each tells its own");
}

/// If the host's own queue refuses segments, the kernel counts them as sent although they were not, and does not count
/// them as retransmitted. So `bytes_sent` minus `bytes_retrans` is too high.
#[test]
fn bytes_are_exact_where_the_senders_own_queue_refuses_segments() {
    insist_on_root();
    let [here, there] = Namespace::pair("narrow");
    for end in [&here, &there] {
        end.inside(
            &"tc qdisc add dev wire root tbf rate 100mbit burst 64kb limit 200kb".split(' ').collect::<Vec<_>>(),
        );
    }
    let mut life = Watching::begin("life", &["--json", "--netns", &here.file()]);
    let connection = Duplex::across(&here, &there, "10.77.0.2:0");
    let mut moved = connection.exchange(8 * MB + 1, 6 * MB + 1, Sender::Write);
    // Whether the queue overflows is random as well.
    let is_refused = (0..20).any(|_| {
        let socket = Socket::settled(&here, moved.client);
        if socket.number("bytes_sent") - socket.number("bytes_retrans") > moved.up {
            return true;
        }
        let more = connection.exchange(8 * MB + 1, 6 * MB + 1, Sender::Write);
        (moved.up, moved.down) = (moved.up + more.up, moved.down + more.down);
        false
    });
    assert!(is_refused, "the queue refused nothing");
    connection.close();
    let lines = life.lines(1);
    assert_eq!(told(&lines)[&(moved.client, moved.server)], (moved.up, moved.down));
}
