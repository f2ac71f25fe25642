use std::fs;
use std::process::Command;

/// A server that sends `down` bytes once it has received `up`, and its client, in one process.
const EXCHANGE: &str = "
import socket, sys, threading
port, up, down = map(int, sys.argv[1:])
listener = socket.create_server(('127.0.0.1', port))
def drain(sock, left):
    while left: left -= len(sock.recv(min(left, 1 << 16)))
def serve():
    sock, _ = listener.accept()
    drain(sock, up)
    sock.sendall(bytes(down))
    sock.recv(1)
    sock.close()
thread = threading.Thread(target=serve)
thread.start()
sock = socket.create_connection(('127.0.0.1', port))
sock.sendall(bytes(up))
drain(sock, down)
sock.close()
thread.join()
";

/// A network namespace with nothing but `lo`; removed when dropped.
pub struct Namespace(String);

impl Namespace {
    /// One with nothing but `lo`. Its name is not that of a lab, which `meshtax clean` would remove.
    pub fn bare(name: &str) -> Self {
        let namespace = Self(format!("witness-{name}-{}", std::process::id()));
        run(Command::new("ip").args(["netns", "add", &namespace.0]));
        namespace.inside(&["ip", "link", "set", "lo", "up"]);
        namespace
    }

    /// Joins two by a link with addresses 10.9.0.1 and 10.9.0.2, fd09::1 and fd09::2, on which packets have at most 1500
    /// bytes.
    pub fn join(&self, other: &Self) {
        self.inside(&["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", &other.0]);
        for (end, number) in [(self, 1), (other, 2)] {
            end.inside(&["ip", "address", "add", &format!("10.9.0.{number}/24"), "dev", "eth0"]);
            end.inside(&["ip", "address", "add", &format!("fd09::{number}/64"), "dev", "eth0", "nodad"]);
            end.inside(&["ip", "link", "set", "eth0", "up"]);
        }
    }

    /// What the witness calls it.
    pub fn pod(&self) -> &str {
        &self.0
    }

    /// A program inside it, not yet started.
    pub fn command(&self, program: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).args(program);
        command
    }

    /// One in which three of a hundred packets to and from `port` are lost as they arrive.
    pub fn lossy(name: &str, port: u16) -> Self {
        let namespace = Self::bare(name);
        for end in ["dport", "sport"] {
            let rules = format!(
                "table ip loss_{end} {{ chain c {{ type filter hook prerouting priority 0; \
                 tcp {end} {port} numgen random mod 100 < 3 drop; }}; }}"
            );
            namespace.inside(&["nft", &rules]);
        }
        namespace
    }

    /// The file that stands for it.
    pub fn file(&self) -> String {
        format!("/run/netns/{}", self.0)
    }

    /// Moves bytes over one connection within it.
    pub fn exchange(&self, port: u16, up: u64, down: u64) {
        self.inside(&["python3", "-c", EXCHANGE, &port.to_string(), &up.to_string(), &down.to_string()]);
    }

    /// Segments that were sent again in it, as the kernel counts them.
    pub fn retransmits(&self) -> u64 {
        let text = self.inside(&["cat", "/proc/net/snmp"]);
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        let mut counters = names.split(' ').zip(values.split(' '));
        counters.find(|(name, _)| *name == "RetransSegs").unwrap().1.parse().unwrap()
    }

    /// What a program prints inside it, which must succeed.
    pub fn inside(&self, program: &[&str]) -> String {
        run(&mut self.command(program))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Command::new("ip").args(["netns", "delete", &self.0]).status().unwrap();
        assert!(fs::metadata(self.file()).is_err() || std::thread::panicking(), "the namespace stayed");
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", crate::tool::words(&output));
    String::from_utf8(output.stdout).unwrap()
}
