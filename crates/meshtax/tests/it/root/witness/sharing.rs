//! Several processes that listen on one port.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use super::namespace::Namespace;
use super::watching::Watching;
use crate::tool::insist_on_root;

const CONNECTIONS: usize = 400;

/// Four processes with a listener each, of one port, which say who they are to whom they accept. All connections stay open
/// until the end.
const SHARE: &str = "
import json, os, signal, socket, sys
def bound(port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(('127.0.0.1', port))
    return sock
place = bound(0)
port = place.getsockname()[1]
ready, readies = os.pipe()
def serve():
    listener = bound(port)
    listener.listen(512)
    os.write(readies, b'.')
    held = []
    while True:
        sock, _ = listener.accept()
        sock.send(b'%d ' % os.getpid())
        held.append(sock)
servers = []
for _ in range(4):
    server = os.fork()
    if not server: serve()
    servers.append(server)
for _ in servers: os.read(ready, 1)
held = [socket.create_connection(('127.0.0.1', port)) for _ in range(int(sys.argv[1]))]
def answer(sock):
    said = b''
    while not said.endswith(b' '): said += sock.recv(16)
    return int(said)
print(json.dumps({sock.getsockname()[1]: answer(sock) for sock in held}))
for server in servers: os.kill(server, signal.SIGKILL)
for server in servers: os.wait()
";

#[test]
fn each_connection_is_its_own_listeners() {
    insist_on_root();
    let namespace = Namespace::new("sharing");
    let mut accept = Watching::begin("accept", &["--json", "--netns", &namespace.file()]);
    let mut script = Command::new("ip");
    script.args(["netns", "exec", namespace.name(), "python3", "-c", SHARE, &CONNECTIONS.to_string()]);
    let output = script.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
    let who: BTreeMap<u64, u64> = serde_json::from_slice(&output.stdout).unwrap();
    let lines = accept.lines(CONNECTIONS);
    let number = |line: &serde_json::Value, name: &str| line[name].as_u64().unwrap();
    let told: BTreeMap<u64, u64> =
        lines.iter().map(|line| (number(line, "remote_port"), number(line, "pid"))).collect();
    assert_eq!(told, who);
}
