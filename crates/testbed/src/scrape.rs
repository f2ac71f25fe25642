//! An agent's metrics, read as Prometheus reads them.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Returns the service name of a port at which this process listens.
pub fn own_service(port: u16) -> String {
    let comm = std::fs::read_to_string("/proc/self/comm").unwrap();
    format!("{}:{port}", comm.trim_end())
}

/// Returns the sum of a metric over the series that clients of `port` report.
pub fn of_clients(text: &str, name: &str, port: u16) -> u64 {
    let service = format!(":{port}\"");
    let of_client = |line: &&str| line.contains("reporter=\"source\"") && line.contains(&service);
    let lines = text.lines().filter(|line| line.starts_with(name)).filter(of_client);
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// Returns the sum of a metric over the samples whose labels contain all of these.
pub fn sample(text: &str, name: &str, labels: &[&str]) -> u64 {
    let is_asked = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    };
    let values = text.lines().filter(is_asked).map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    values.sum()
}

/// Scrapes the metrics at `place`, such as `127.0.0.1:9435`.
pub fn scrape(place: &str) -> String {
    let mut stream = TcpStream::connect(place).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    text
}
