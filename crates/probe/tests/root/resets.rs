//! `meshtax resets` and the agent report who resets a connection, and who is reset.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::Value;
use socket2::SockRef;

use super::duplex::{Duplex, Sender};
use testbed::{Namespace, V4, Watching, insist_on_root, sample, scrape};

/// Makes 23 connections of which one end closes so that the other is reset. Returns who sends and who receives resets.
fn check(sender: &str, receiver: &str, reset: fn(Duplex)) {
    insist_on_root();
    let listener = TcpListener::bind(V4).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut resets = Watching::begin("resets", &["--json", "--port", &port.to_string()]);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    for _ in 0..23 {
        let connection = Duplex::to(&listener, |place| TcpStream::connect(place).unwrap());
        connection.exchange(1_000, 20_000, Sender::Write);
        reset(connection);
    }
    let lines = resets.lines(46);
    assert_eq!(resets.end(), Vec::<Value>::new(), "nothing else is told");
    for (event, role, state) in [("reset_sent", sender, "CLOSE"), ("reset_received", receiver, "ESTABLISHED")] {
        let told: Vec<&Value> = lines.iter().filter(|line| line["event"] == event).collect();
        assert_eq!(told.len(), 23, "{lines:?}");
        let (sent, received) = if role == "client" { (1_000, 20_000) } else { (20_000, 1_000) };
        for line in told {
            assert_eq!(
                (&line["role"], &line["state"], &line["pid"]),
                (&role.into(), &state.into(), &process()),
                "{line}"
            );
            assert_eq!((&line["bytes_sent"], &line["bytes_received"]), (&sent.into(), &received.into()), "{line}");
        }
    }
    let text = scrape(&agent.place());
    let service = format!(":{port}\"");
    for role in ["client", "server"] {
        let reporter = if role == "client" { "reporter=\"source\"" } else { "reporter=\"destination\"" };
        for (direction, who) in [("transmit", sender), ("receive", receiver)] {
            let labels = [reporter, &service, &format!("network_io_direction=\"{direction}\"")];
            let expected = if role == who { 23 } else { 0 };
            assert_eq!(sample(&text, "meshtax_tcp_resets_total", &labels), expected, "{role} {direction}: {text}");
        }
    }
}

fn process() -> Value {
    std::process::id().into()
}

/// Closes one end at once, and waits until the other end notices.
fn cut(here: TcpStream, mut there: TcpStream) {
    SockRef::from(&here).set_linger(Some(Duration::ZERO)).unwrap();
    drop(here);
    there.read(&mut [0]).unwrap_err();
}

#[test]
fn twenty_three_resets_by_clients_are_twenty_three_at_each_end() {
    check("client", "server", |connection| cut(connection.client, connection.server));
}

#[test]
fn twenty_three_resets_by_servers_are_twenty_three_at_each_end() {
    check("server", "client", |connection| cut(connection.server, connection.client));
}

/// Sends acknowledgements without data.
const MUTED: &str =
    "table ip muted { chain c { type filter hook prerouting priority 0; tcp flags == ack meta length < 60 drop; }; }";

#[test]
fn a_reset_is_its_sockets_that_was_given_up_before() {
    insist_on_root();
    let namespace = Namespace::new("late");
    let mut resets = Watching::begin("resets", &["--json", "--netns", &namespace.file()]);
    let connection = namespace.within(|| Duplex::open(V4));
    connection.exchange(1_000, 20_000, Sender::Write);
    namespace.inside(&["nft", MUTED]);
    let Duplex { mut client, server } = connection;
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    // This also acknowledges the end of a socket that no process reads any more.
    client.write_all(b"more").unwrap();
    let lines = resets.lines(2);
    for (event, role, sent) in [("reset_sent", "server", 20_000), ("reset_received", "client", 1_004)] {
        let line = lines.iter().find(|line| line["event"] == event).unwrap_or_else(|| panic!("no {event}: {lines:?}"));
        assert_eq!(
            (&line["role"], &line["pid"], &line["bytes_sent"]),
            (&role.into(), &process(), &sent.into()),
            "{line}"
        );
    }
}
