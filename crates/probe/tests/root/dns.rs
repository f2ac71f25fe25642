//! The witness of DNS: every query is reported once, at the socket that asks, with its result.

pub use std::io::Write;
use std::net::UdpSocket;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use libbpf_rs::query::LinkInfoIter;
use serde_json::Value;

use testbed::{
    A, AAAA, DELAY, HTTPS, Namespace, Server, Watching, ask, framed, insist_on_being_alone, insist_on_root, query,
    scrape, take,
};

const V4: &str = "127.0.0.1";
const V6: &str = "::1";

/// A namespace with a server in it, and a tool that watches it.
struct Scene {
    namespace: Namespace,
    server: Server,
    dns: Watching,
}

impl Scene {
    fn set(name: &str, ip: &str, arguments: &[&str]) -> Self {
        insist_on_root();
        let namespace = Namespace::new(name);
        let server = Server::start(&namespace, ip);
        let dns = Watching::begin("dns", &[&["--json", "--netns", &namespace.file()], arguments].concat());
        Self { namespace, server, dns }
    }

    fn datagrams(&self) -> UdpSocket {
        self.server.datagrams(&self.namespace)
    }

    /// Checks that nothing else is reported.
    fn end(mut self) {
        assert_eq!(self.dns.end(), Vec::<Value>::new(), "nothing else is told");
    }
}

/// Ends a tool that has nothing more to report. Returns what it says that it could not see.
fn last_words(dns: &mut Watching) -> String {
    let (rest, said) = dns.end_saying();
    assert_eq!(rest, Vec::<Value>::new(), "nothing else is told");
    said
}

/// Checks 23 queries over UDP, all of which end with this result.
fn check(name: &str, ip: &str, asked: &str, rcode: &str) {
    let mut scene = Scene::set(name, ip, &[]);
    let socket = scene.datagrams();
    for id in 0..23 {
        ask(&socket, &query(id, asked, AAAA));
    }
    let lines = scene.dns.lines(23);
    for (line, id) in lines.iter().zip(0..) {
        assert_eq!((&line["name"], &line["type"], &line["rcode"]), (&asked.into(), &"AAAA".into(), &rcode.into()));
        assert_eq!((&line["server_addr"], &line["server_port"]), (&ip.into(), &53.into()), "{line}");
        assert_eq!((&line["message_id"], &line["transport"]), (&Value::from(id), &"udp".into()), "{line}");
        assert_eq!(line["pid"], std::process::id(), "{line}");
        assert_eq!(line["local_port"], socket.local_addr().unwrap().port(), "{line}");
        assert!(line["latency_ms"].as_f64().unwrap() > 0.0, "{line}");
    }
    scene.end();
}

#[test]
fn twenty_three_queries_are_twenty_three_whatever_the_answer() {
    check("dns-ok", V4, "db.prod.example", "NOERROR");
    check("dns-nx", V4, "none.example", "NXDOMAIN");
    check("dns-v6", V6, "broken.example", "SERVFAIL");
}

#[test]
fn twenty_three_without_an_answer_are_twenty_three_timeouts() {
    let mut scene = Scene::set("dns-mute", V4, &["--timeout", "200ms"]);
    let socket = scene.datagrams();
    for id in 0..20 {
        socket.send(&query(id, "silent.example", A)).unwrap();
    }
    // A repeated query is one more query.
    for _ in 0..3 {
        socket.send(&query(777, "silent.example", A)).unwrap();
    }
    let lines = scene.dns.lines(23);
    assert!(lines.iter().all(|line| line["rcode"] == "TIMEOUT" && line["latency_ms"].is_null()), "{lines:?}");
    assert!(lines.iter().all(|line| line["name"] == "silent.example"), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line["message_id"] == 777).count(), 3);
    scene.end();
}

#[test]
fn what_finds_no_room_is_said() {
    let mut scene = Scene::set("dns-crowd", V4, &["--timeout", "200ms"]);
    let socket = scene.datagrams();
    // Eight queries of one socket and id can wait at the same time.
    for _ in 0..12 {
        socket.send(&query(1, "silent.example", A)).unwrap();
    }
    assert_eq!(scene.dns.lines(8).len(), 8);
    let said = last_words(&mut scene.dns);
    assert!(said.contains("found no room and were not followed"), "{said}");
}

#[test]
fn queries_beyond_the_room_for_those_that_wait_are_said() {
    insist_on_being_alone();
    const PENDING_MAX: u64 = 16_384;
    let mut scene = Scene::set("dns-full", V4, &["--timeout", "60s"]);
    let socket = scene.datagrams();
    for id in 0..20_000 {
        socket.send(&query(id, "silent.example", A)).unwrap();
    }
    let said = last_words(&mut scene.dns);
    let line = said.lines().find(|line| line.contains("found no room and were not followed"));
    let count = line.and_then(|line| line.split(' ').find_map(|word| word.parse::<u64>().ok()));
    assert!(count.unwrap_or_else(|| panic!("{said}")) >= 20_000 - PENDING_MAX, "{said}");
}

#[test]
fn queries_that_end_while_the_ring_is_full_are_said_and_still_counted() {
    insist_on_being_alone();
    let mut scene = Scene::set("dns-ring", V4, &[]);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let socket = scene.datagrams();
    scene.dns.pause();
    (0..20_000).for_each(|id| ask(&socket, &query(id, "db.example", A)));
    scene.dns.resume();
    let first = scene.dns.lines(1);
    let (rest, said) = scene.dns.end_saying();
    let line = said.lines().find(|line| line.contains("were lost: they ended faster"));
    let lost = line.and_then(|line| line.split(' ').find_map(|word| word.parse::<usize>().ok()));
    assert!(first.len() + rest.len() + lost.unwrap_or_else(|| panic!("nothing was lost: {said}")) >= 20_000, "{said}");
    let text = scrape(&agent.place());
    let labels = labels(&scene.namespace, "A") + ",rcode=\"NOERROR\"}";
    assert_eq!(value(&text, "meshtax_dns_queries_total", &labels), Some(20_000), "{text}");
}

#[test]
fn who_asks_several_servers_at_once_waits_for_one_answer() {
    let mut scene = Scene::set("dns-several", V4, &["--timeout", "1s"]);
    let [_mute, socket] =
        ["127.0.0.2:53", "0.0.0.0:0"].map(|place| scene.namespace.within(|| UdpSocket::bind(place).unwrap()));
    for id in 0..23 {
        for server in ["127.0.0.2:53", "127.0.0.1:53"] {
            socket.send_to(&query(id, "db.prod.example", A), server).unwrap();
        }
    }
    let lines = scene.dns.lines(46);
    for (server, rcode) in [("127.0.0.1", "NOERROR"), ("127.0.0.2", "ELSEWHERE")] {
        let of_server: Vec<&Value> = lines.iter().filter(|line| line["server_addr"] == server).collect();
        assert_eq!(of_server.len(), 23, "{server}: {lines:?}");
        assert!(of_server.iter().all(|line| line["rcode"] == rcode), "{server}: {lines:?}");
        assert!(of_server.iter().all(|line| line["latency_ms"].is_null() == (rcode == "ELSEWHERE")), "{lines:?}");
    }
    scene.end();
}

#[test]
fn an_answer_that_comes_too_late_makes_no_second_line() {
    let mut scene = Scene::set("dns-late", V4, &["--timeout", "1ms"]);
    ask(&scene.datagrams(), &query(1, "slow.example", A));
    assert_eq!(scene.dns.lines(1)[0]["rcode"], "TIMEOUT");
    scene.end();
}

#[test]
fn latency_is_at_least_what_the_server_takes() {
    let mut scene = Scene::set("dns-slow", V4, &[]);
    ask(&scene.datagrams(), &query(1, "slow.example", A));
    let latency_ms = scene.dns.lines(1)[0]["latency_ms"].as_f64().unwrap();
    assert!(latency_ms >= DELAY.as_secs_f64() * 1e3, "{latency_ms}");
    scene.end();
}

#[test]
fn after_twenty_three_truncated_answers_twenty_three_queries_over_tcp_are_told() {
    for (name, ip) in [("dns-cut4", V4), ("dns-cut6", V6)] {
        let mut scene = Scene::set(name, ip, &[]);
        for id in 0..23 {
            ask(&scene.datagrams(), &query(2 * id, "cut.example", HTTPS));
            let mut stream = scene.server.connection(&scene.namespace);
            stream.write_all(&framed(&query(2 * id + 1, "cut.example", HTTPS))).unwrap();
            take(&mut stream).unwrap();
        }
        let lines = scene.dns.lines(46);
        let told = |line: &Value| (line["message_id"].as_u64(), line["transport"] == "tcp", line["truncated"] == true);
        let fall_backs = (0..23).flat_map(|id| [(Some(2 * id), false, true), (Some(2 * id + 1), true, false)]);
        assert!(lines.iter().map(told).eq(fall_backs), "{lines:?}");
        assert!(lines.iter().all(|line| line["type"] == "HTTPS" && line["rcode"] == "NOERROR"), "{lines:?}");
        assert!(lines.iter().all(|line| line["pid"] == std::process::id()), "{lines:?}");
        scene.end();
    }
}

#[test]
fn queries_over_tcp_are_found_however_they_are_cut_up() {
    let mut scene = Scene::set("dns-tcp", V4, &[]);
    let mut stream = scene.server.connection(&scene.namespace);
    // Three messages in one segment, then a length alone before its message.
    let three: Vec<u8> = (1..=3).flat_map(|id| framed(&query(id, "db.example", A))).collect();
    stream.write_all(&three).unwrap();
    (0..3).for_each(|_| drop(take(&mut stream).unwrap()));
    let fourth = framed(&query(4, "none.example", A));
    stream.write_all(&fourth[..2]).unwrap();
    stream.write_all(&fourth[2..]).unwrap();
    take(&mut stream).unwrap();
    // A message whose question is cut in two is skipped, and the tool says so.
    let fifth = framed(&query(5, "db.example", A));
    stream.write_all(&fifth[..20]).unwrap();
    stream.write_all(&fifth[20..]).unwrap();
    take(&mut stream).unwrap();
    stream.write_all(&framed(&query(6, "db.example", A))).unwrap();
    take(&mut stream).unwrap();
    let told: Vec<(u64, String)> = scene.dns.lines(5).iter().map(id_and_code).collect();
    let expected = [(1, "NOERROR"), (2, "NOERROR"), (3, "NOERROR"), (4, "NXDOMAIN"), (6, "NOERROR")];
    assert_eq!(told, expected.map(|(id, code)| (id, code.to_owned())));
    let said = last_words(&mut scene.dns);
    assert!(said.contains("could not be parsed"), "{said}");
}

fn id_and_code(line: &Value) -> (u64, String) {
    (line["message_id"].as_u64().unwrap(), line["rcode"].as_str().unwrap().to_owned())
}

#[test]
fn a_connection_older_than_the_witness_is_told_without_its_owner() {
    insist_on_root();
    let namespace = Namespace::new("dns-old");
    let server = Server::start(&namespace, V4);
    let mut stream = server.connection(&namespace);
    let mut dns = Watching::begin("dns", &["--json", "--netns", &namespace.file()]);
    stream.write_all(&framed(&query(9, "db.example", A))).unwrap();
    take(&mut stream).unwrap();
    let line = &dns.lines(1)[0];
    assert_eq!((&line["name"], &line["pid"], &line["comm"]), (&"db.example".into(), &Value::Null, &Value::Null));
    assert_eq!(dns.end(), Vec::<Value>::new());
}

#[test]
fn between_two_namespaces_only_the_one_that_asks_tells() {
    insist_on_root();
    let [client, host] = Namespace::pair("dns");
    let server = Server::start(&host, "10.77.0.2");
    let [mut here, mut there] = [&client, &host].map(|end| Watching::begin("dns", &["--json", "--netns", &end.file()]));
    let socket = server.datagrams(&client);
    for id in 0..23 {
        ask(&socket, &query(id, "db.example", A));
    }
    let inode = std::fs::metadata(client.file()).unwrap().ino();
    let lines = here.lines(23);
    assert!(lines.iter().all(|line| line["netns"] == inode && line["local_addr"] == "10.77.0.1"), "{lines:?}");
    assert!(lines.iter().all(|line| line["pod"] == client.name()), "{lines:?}");
    assert_eq!((here.end(), there.end()), (Vec::new(), Vec::new()));
}

#[test]
fn queries_that_are_sent_elsewhere_as_they_leave_are_told_of_the_server_that_was_asked() {
    // Translate as a sidecar that captures DNS does.
    const SERVICE: &str = "10.96.0.10";
    const TRANSLATE: &str = "table ip service { chain c { type nat hook output priority -100; \
                             ip daddr 10.96.0.10 meta l4proto { tcp, udp } th dport 53 dnat to 127.0.0.1:1053; }; }";
    insist_on_root();
    let namespace = Namespace::new("dns-service");
    namespace.inside(&["nft", TRANSLATE]);
    namespace.inside(&["ip", "address", "add", SERVICE, "dev", "lo"]);
    let mut server = Server::behind(&namespace, V4, 1053);
    server.address.set_ip(SERVICE.parse().unwrap());
    let dns = Watching::begin("dns", &["--json", "--netns", &namespace.file()]);
    let mut scene = Scene { namespace, server, dns };
    let connected = scene.datagrams();
    let elsewhere = scene.namespace.within(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    elsewhere.connect("10.96.0.10:9").unwrap();
    let unconnected = scene.namespace.within(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    let mut stream = scene.server.connection(&scene.namespace);
    for id in 0..23 {
        ask(&connected, &query(id, "none.example", A));
        unconnected.send_to(&query(id, "none.example", A), scene.server.address).unwrap();
        unconnected.recv(&mut [0; 512]).unwrap();
        // The answer comes from another address than the one connected to.
        elsewhere.send_to(&query(id, "none.example", A), scene.server.address).unwrap();
        stream.write_all(&framed(&query(id, "none.example", A))).unwrap();
        take(&mut stream).unwrap();
    }
    let lines = scene.dns.lines(3 * 23);
    assert!(lines.iter().all(|line| line["rcode"] == "NXDOMAIN"), "{lines:?}");
    assert!(lines.iter().all(|line| line["server_addr"] == SERVICE && line["server_port"] == 53), "{lines:?}");
    let unanswered = scene.dns.lines(23);
    assert!(unanswered.iter().all(|line| line["rcode"] == "TIMEOUT"), "{unanswered:?}");
    assert!(unanswered.iter().all(|line| line["server_addr"] == SERVICE), "{unanswered:?}");
    scene.end();
}

#[test]
fn two_questions_under_one_id_each_have_their_own_answer() {
    insist_on_root();
    let namespace = Namespace::new("dns-one-id");
    let server = namespace.within(|| UdpSocket::bind("127.0.0.1:53").unwrap());
    let client = namespace.within(|| UdpSocket::bind("127.0.0.1:0").unwrap());
    client.connect("127.0.0.1:53").unwrap();
    let mut dns = Watching::begin("dns", &["--json", "--netns", &namespace.file()]);
    // Types and names in the order of asking. They are answered from the last to the first, each with another code.
    let questions = [("db.example", A), ("db.example", AAAA), ("longer.db.example", A)];
    let mut received = [0; 512];
    let asked = questions.map(|(name, kind)| {
        client.send(&query(7, name, kind)).unwrap();
        let (length, _) = server.recv_from(&mut received).unwrap();
        received[..length].to_vec()
    });
    for (code, mut answer) in [0_u8, 1, 2].into_iter().zip(asked).rev() {
        answer[2] = 0x81;
        answer[3] = 0x80 | code;
        server.send_to(&answer, client.local_addr().unwrap()).unwrap();
        client.recv(&mut received).unwrap();
    }
    let told: Vec<(String, String, String)> = dns
        .lines(3)
        .iter()
        .map(|line| ["name", "type", "rcode"].map(|name| line[name].as_str().unwrap().to_owned()).into())
        .collect();
    let line = |name: &str, kind: &str, code: &str| (name.to_owned(), kind.to_owned(), code.to_owned());
    assert_eq!(
        told,
        [
            line("longer.db.example", "A", "SERVFAIL"),
            line("db.example", "AAAA", "FORMERR"),
            line("db.example", "A", "NOERROR")
        ]
    );
}

#[test]
fn what_lies_behind_further_headers_is_not_told_but_said() {
    // One hop-by-hop option without a meaning: IPV6_HOPOPTS.
    const SEND: &str = "
import socket
sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.setsockopt(41, 54, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
sock.sendto(bytes(40), ('::1', 53))
";
    let mut scene = Scene::set("dns-options", V6, &[]);
    scene.namespace.inside(&["python3", "-c", SEND]);
    let said = last_words(&mut scene.dns);
    assert!(said.contains("had further IPv6 extension headers"), "{said}");
}

#[test]
fn names_are_withheld_where_that_is_asked_for() {
    let mut scene = Scene::set("dns-shy", V4, &["--no-dns-names", "--timeout", "200ms"]);
    let socket = scene.datagrams();
    ask(&socket, &query(1, "secret.example", A));
    socket.send(&query(2, "silent.secret.example", A)).unwrap();
    let lines = scene.dns.lines(2);
    assert!(lines.iter().all(|line| line["name"].is_null() && line["type"] == "A"), "{lines:?}");
    assert!(lines.iter().all(|line| !line.to_string().contains("example")), "{lines:?}");
    scene.end();
}

#[test]
fn the_agent_counts_queries_answers_and_timeouts() {
    insist_on_root();
    let namespace = Namespace::new("dns-agent");
    let server = Server::start(&namespace, V4);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let socket = server.datagrams(&namespace);
    for id in 0..23 {
        ask(&socket, &query(id, "db.example", A));
        ask(&socket, &query(id, "none.example", AAAA));
        socket.send(&query(id, "silent.example", HTTPS)).unwrap();
    }
    let labels = |kind: &str| labels(&namespace, kind);
    let place = agent.place();
    // Timeouts are reported when they are due.
    let hanging = Instant::now() + Duration::from_secs(120);
    let text = std::iter::repeat_with(|| scrape(&place))
        .take_while(|text| Instant::now() < hanging || panic!("{text}"))
        .find(|text| value(text, "meshtax_dns_timeouts_total", &labels("HTTPS")) == Some(23))
        .unwrap();
    let queries = "meshtax_dns_queries_total";
    assert_eq!(value(&text, queries, &(labels("A") + ",rcode=\"NOERROR\"}")), Some(23), "{text}");
    assert_eq!(value(&text, queries, &(labels("AAAA") + ",rcode=\"NXDOMAIN\"}")), Some(23));
    assert_eq!(value(&text, queries, &(labels("HTTPS") + ",rcode=\"TIMEOUT\"}")), Some(23));
    assert_eq!(value(&text, "meshtax_dns_latency_seconds_count", &labels("A")), Some(23));
    assert!(!text.contains("example"), "no metric has names");

    let without = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--no-dns"]);
    assert!(!scrape(&without.place()).contains("_dns_"));
    assert_eq!(links(without.id()).len(), links(agent.id()).len() - 5, "four programs and an iterator less");
}

#[test]
fn twenty_thousand_queries_add_up_while_the_agent_is_read_as_fast_as_it_can() {
    insist_on_root();
    let namespace = Namespace::new("dns-many");
    let server = Server::start(&namespace, V4);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let place = agent.place();
    let socket = server.datagrams(&namespace);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                scrape(&place);
            }
        });
        (0..20_000).for_each(|id| ask(&socket, &query(id, "db.example", A)));
        done.store(true, Ordering::Relaxed);
    });
    let text = scrape(&place);
    let labels = labels(&namespace, "A") + ",rcode=\"NOERROR\"}";
    assert_eq!(value(&text, "meshtax_dns_queries_total", &labels), Some(20_000), "{text}");
}

/// Returns the start of the labels for what a namespace asks over UDP.
fn labels(namespace: &Namespace, kind: &str) -> String {
    format!("{{source_workload=\"{}\",type=\"{kind}\",network_transport=\"udp\"", namespace.name())
}

/// Returns the value of the first sample whose labels begin like this.
fn value(text: &str, name: &str, labels: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(&format!("{name}{labels}")))?;
    Some(line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[test]
fn nothing_is_on_the_way_of_packets_after_a_kill() {
    let mut scene = Scene::set("dns-kill", V4, &[]);
    let links = links(scene.dns.id());
    assert!(links.iter().all(|link| standing().contains(link)) && links.len() == 5, "{links:?}");
    scene.dns.kill();
    // The kernel removes them a while later.
    while links.iter().any(|link| standing().contains(link)) {
        std::thread::yield_now();
    }
    ask(&scene.datagrams(), &query(1, "db.example", A));
}

/// Returns the ids of the BPF links that a process holds.
fn links(process: u32) -> Vec<u32> {
    let files = std::fs::read_dir(format!("/proc/{process}/fdinfo")).unwrap().flatten();
    let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    let id = |text: String| text.lines().find_map(|line| line.strip_prefix("link_id:")?.trim().parse().ok());
    texts.filter_map(id).collect()
}

/// Returns the ids of all BPF links on this machine.
fn standing() -> Vec<u32> {
    LinkInfoIter::default().map(|link| link.id).collect()
}
