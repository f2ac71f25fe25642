use std::io::{BufReader, Read};
use std::net::TcpListener;
use std::thread;

use super::*;

/// Answers `status` to one connection after another, and hands out what was asked on each until the other side closed it.
fn pod(status: u16) -> (Ipv4Addr, u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, asked) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = String::new();
            let mut reader = BufReader::new(&mut stream);
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            write!(stream, "HTTP/1.1 {status} said\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi").unwrap();
            let mut rest = String::new();
            stream.read_to_string(&mut rest).unwrap();
            // Not every test listens.
            sender.send(head + &rest).ok();
        }
    });
    (Ipv4Addr::LOCALHOST, port, asked)
}

fn probe(port: u16, period_ms: u64) -> HealthCheck {
    HealthCheck { pod: "web-v1".into(), address: Ipv4Addr::LOCALHOST, port, path: "/healthz/ready".into(), period_ms }
}

/// What a kubelet answers to these orders, in lines.
fn check(probes: Vec<HealthCheck>, orders: &'static str, expect: &str) {
    let mut answers = Vec::new();
    serve_probes(probes, orders.as_bytes(), &mut answers).unwrap();
    assert_eq!(String::from_utf8(answers).unwrap(), format!("{{\"ready\":true}}\n{expect}"));
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

#[test]
fn a_probe_is_what_a_kubelet_sends() {
    let (_, port, asked) = pod(200);
    check(vec![probe(port, DAY_MS)], "probe\n", "{\"asked\":1,\"failed\":0}\n");
    let lines = format!(
        "GET /healthz/ready HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: kube-probe/1.34\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    );
    assert_eq!(asked.recv().unwrap(), lines);
}

#[test]
fn what_is_not_well_is_counted() {
    let refused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let probes: Vec<HealthCheck> =
        [pod(200).1, pod(302).1, pod(503).1, refused].map(|port| probe(port, DAY_MS)).to_vec();
    check(
        probes,
        "probe\ncounts\nprobe\ncounts\nrest\n",
        "{\"asked\":4,\"failed\":2}\n{\"asked\":4,\"failed\":2}\n{\"asked\":4,\"failed\":2}\n{\"asked\":8,\"failed\":4}\n\
         {\"error\":\"unknown order `rest`\"}\n",
    );
}

#[test]
fn pods_are_asked_in_their_period() {
    let (_, port, asked) = pod(200);
    let (orders, ordered) = io::pipe().unwrap();
    let kubelet = thread::spawn(move || serve_probes(vec![probe(port, 5)], BufReader::new(orders), io::sink()));
    for _ in 0..5 {
        asked.recv().unwrap();
    }
    drop(ordered);
    kubelet.join().unwrap().unwrap();
}
