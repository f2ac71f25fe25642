use crate::place::tests::{arm, socket};
use crate::registry::tests::Imagined;

use super::*;

/// The end of a client or a server.
fn end(role: ConnectionRole, netns: u32, comm: &str, [local, remote]: [&str; 2]) -> Connection {
    Connection { remote: remote.parse().unwrap(), ..socket(role, netns, comm, local) }
}

fn learned(namer: Namer, open: &[Connection]) -> Directory {
    let mut directory = Directory { namer, places: Places::default() };
    directory.learn(open, Duration::ZERO);
    directory
}

/// The pod and the service that the directory names for a connection.
fn told(directory: &mut Directory, connection: &Connection) -> String {
    let Names { pod, service } = directory.names(connection);
    format!("{pod} {}", service.as_deref().unwrap_or("-"))
}

#[test]
fn both_ends_name_the_process_that_listens_and_a_stranger_has_no_name() {
    let namer = Namer::new(Imagined::default());
    let mut directory = learned(namer, &[socket(ConnectionRole::Listener, 7, "nginx", "0.0.0.0:80")]);
    let mut check = |role, comm, ends, expected: &str| {
        assert_eq!(told(&mut directory, &end(role, 7, comm, ends)), format!(" {expected}"), "{role:?} {ends:?}");
    };
    check(ConnectionRole::Client, "curl", ["127.0.0.1:40000", "127.0.0.1:80"], "nginx:80");
    check(ConnectionRole::Server, "nginx", ["127.0.0.1:80", "127.0.0.1:40000"], "nginx:80");
    check(ConnectionRole::Server, "nginx", ["192.0.2.1:80", "198.51.100.1:40000"], "nginx:80");
    check(ConnectionRole::Client, "curl", ["192.0.2.1:40000", "198.51.100.1:80"], "-");
    check(ConnectionRole::Client, "curl", ["127.0.0.1:40000", "127.0.0.1:81"], "-");
    check(ConnectionRole::Server, "", ["192.0.2.1:81", "198.51.100.1:40000"], "-");
    check(ConnectionRole::Unknown, "nginx", ["192.0.2.1:80", "198.51.100.1:40000"], "-");
}

#[test]
fn the_address_of_a_labs_service_has_its_name_once_both_ends_were_seen() {
    let (namer, pods) = arm(&["front-v1", "cache-v1"]);
    let client = end(ConnectionRole::Client, pods[0], "python", ["10.244.0.2:40000", "10.96.0.2:80"]);
    let server = end(ConnectionRole::Server, pods[1], "redis", ["10.244.0.3:6379", "10.244.0.2:40000"]);
    let listener = socket(ConnectionRole::Listener, pods[1], "redis", "0.0.0.0:6379");
    let mut directory = learned(namer, &[listener.clone(), server.clone()]);
    let cache = "cache.default.svc.cluster.local";
    assert_eq!(told(&mut directory, &client), "none-front-v1 -");
    assert_eq!(told(&mut directory, &server), format!("none-cache-v1 {cache}"));
    directory.learn(&[listener, client.clone(), server], Duration::ZERO);
    assert_eq!(told(&mut directory, &client), format!("none-front-v1 {cache}"));
    let later = end(ConnectionRole::Client, pods[0], "python", ["10.244.0.2:40001", "10.96.0.2:80"]);
    assert_eq!(told(&mut directory, &later), format!("none-front-v1 {cache}"));
}
