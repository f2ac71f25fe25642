use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use serde_json::Value;
use socket2::{Domain, Socket, Type};
use testbed::{Namespace, Peer, V4, Watching, insist_on_root, sample, scrape};

/// Returns a listener with a queue of four whose connections are not accepted, and its address.
fn short_queue() -> (TcpListener, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(4).unwrap();
    let listener = TcpListener::from(socket);
    let place = listener.local_addr().unwrap();
    (listener, place)
}

/// The kernel lets one more connection wait than the backlog.
fn fill(place: SocketAddr) -> Vec<TcpStream> {
    (0..5).map(|_| TcpStream::connect(place).unwrap()).collect()
}

#[test]
fn each_connection_meets_as_many_as_wait_before_it() {
    insist_on_root();
    let (_listener, place) = short_queue();
    let port = place.port().to_string();
    let mut json = Watching::begin("backlog", &["--json", "--port", &port]);
    let mut text = Watching::begin("backlog", &["--count", "5", "--port", &port]);
    let _waiting = fill(place);
    let lines = json.lines(5);
    let number = |line: &Value, name: &str| line[name].as_u64().unwrap_or_else(|| panic!("{name} of {line}"));
    let queues: Vec<u64> = lines.iter().map(|line| number(line, "accept_queue")).collect();
    assert_eq!(queues, [0, 1, 2, 3, 4]);
    assert!(lines.iter().all(|line| number(line, "accept_queue_max") == 4), "{lines:?}");
    assert_eq!(json.end(), Vec::<Value>::new());
    let histogram = "             backlog : count    distribution\n\
                     \x20        0 -> 0          : 1        |********************                    |\n\
                     \x20        1 -> 1          : 1        |********************                    |\n\
                     \x20        2 -> 3          : 2        |****************************************|\n\
                     \x20        4 -> 7          : 1        |********************                    |\n";
    assert_eq!(text.text(), format!("port {port}, backlog_max = 4\n{histogram}"));
}

#[test]
fn a_full_queue_owns_up_to_what_it_dropped() {
    insist_on_root();
    let (_listener, place) = short_queue();
    let _waiting = fill(place);
    let late = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    late.set_nonblocking(true).unwrap();
    assert_eq!(late.connect(&place.into()).unwrap_err().raw_os_error(), Some(nix::libc::EINPROGRESS));
    let mut backlog = Watching::begin("backlog", &["--port", &place.port().to_string()]);
    backlog.interrupt();
    let text = backlog.text();
    let dropped = text.strip_prefix(&format!("{place} dropped ")).unwrap_or_else(|| panic!("{text}"));
    let count: u64 = dropped.split(' ').next().unwrap().parse().unwrap();
    assert!(count >= 1, "{text}");
}

#[test]
fn opens_that_are_not_complete_wait_in_a_queue_of_their_own() {
    insist_on_root();
    let namespace = Namespace::new("incomplete");
    // The last packet of these clients' handshakes never arrives.
    let rule = "table ip cut { chain c { type filter hook prerouting priority 0; \
                tcp sport 7801-7803 tcp flags & (syn | rst) == 0 drop; }; }";
    namespace.inside(&["nft", rule]);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let mut backlog = Watching::begin("backlog", &["--json", "--netns", &namespace.file()]);
    let listener = namespace.within(|| TcpListener::bind(V4).unwrap());
    let place = listener.local_addr().unwrap();
    let open = |port: u16| {
        namespace.within(|| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).unwrap();
            socket.connect(&place.into()).unwrap();
            socket
        })
    };
    let _incomplete = [7801, 7802, 7803].map(open);
    let labels = [&format!("workload=\"{}\"", namespace.name()), &format!("server_port=\"{}\"", place.port())];
    let labels = labels.map(String::as_str);
    let text = scrape(&agent.place());
    assert_eq!(sample(&text, "meshtax_tcp_syn_queue_length", &labels), 3);
    assert_eq!(sample(&text, "meshtax_tcp_accept_queue_length", &labels), 0);
    // One more client that completes its handshake finds them in the queue, and is still counted there itself.
    let _complete = open(7804);
    let line = &backlog.lines(1)[0];
    assert_eq!((&line["syn_queue"], &line["accept_queue"]), (&4.into(), &0.into()), "{line}");
}

#[test]
fn round_trips_of_all_connections_are_in_the_histogram() {
    insist_on_root();
    let server = Peer::listen(V4);
    let port = server.port().to_string();
    let [mut rtt, mut json] =
        [&["--port", &port][..], &["--json", "--port", &port]].map(|arguments| Watching::begin("rtt", arguments));
    for _ in 0..20 {
        server.exchange(10, 10, |_| ());
    }
    let _open: Vec<_> = (0..3).map(|_| server.open()).collect();
    rtt.interrupt();
    let text = rtt.text();
    assert!(text.starts_with("           srtt (us) : count"), "{text}");
    let count = |line: &str| line.split(':').nth(1)?.split_whitespace().next()?.parse::<u64>().ok();
    let counts: Vec<u64> = text.lines().skip(1).map(|line| count(line).expect("a row has a count")).collect();
    // Both ends of each connection.
    assert_eq!(counts.iter().sum::<u64>(), 46, "{text}");
    let lines = json.end();
    assert_eq!(lines.len(), 46);
    assert!(lines.iter().all(|line| line["srtt_us"].as_u64().unwrap() > 0), "{lines:?}");
}

#[test]
fn segments_that_are_sent_again_are_those_that_the_kernel_counts() {
    insist_on_root();
    let namespace = Namespace::lossy("retrans", 7701);
    let file = namespace.file();
    let [mut retrans, mut life] = ["retrans", "life"].map(|tool| Watching::begin(tool, &["--json", "--netns", &file]));
    namespace.exchange(7701, 3_000_001, 5_000_002);
    // Nothing is sent any more once both ends are closed.
    life.lines(2);
    let counted = namespace.retransmits();
    assert!(counted > 0, "the rule lost nothing");
    // With a small window, segments that leave as one make one line. Each line has the socket's count so far.
    let so_far = |lines: &[Value], role: &str| {
        let of_role = lines.iter().filter(|line| line["role"] == role);
        of_role.map(|line| line["retransmits"].as_u64().unwrap()).max().unwrap_or(0)
    };
    let lines = retrans.until(|lines| so_far(lines, "client") + so_far(lines, "server") >= counted);
    assert_eq!(so_far(&lines, "client") + so_far(&lines, "server"), counted);
    let known = ["retransmitted", "synack_again"].map(Value::from);
    assert!(lines.iter().all(|line| known.contains(&line["event"])), "{lines:?}");
    assert_eq!(retrans.end(), Vec::<Value>::new());
}
