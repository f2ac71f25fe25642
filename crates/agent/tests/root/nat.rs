//! Services with translated addresses: the agent names the server that answers, and the service that was called.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use testbed::{Kept, Namespace, Watching, insist_on_being_alone, insist_on_root, sample, scrape};

/// An address that no host has.
const SERVICE: &str = "10.96.0.9:80";

/// Answers one line of each connection with another, for ever.
pub const ANSWER: &str = "
import socket, threading
listener = socket.create_server(('', 8080))
print('ready', flush=True)
def serve(sock):
    while sock.recv(100): sock.sendall(b'answer\\n')
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
";

/// Asks once, and keeps the connection open until its input ends.
pub const ASK: &str = "
import socket, sys
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
sock.sendall(b'ask\\n')
while not sock.recv(1000).endswith(b'\\n'): pass
print('ready', flush=True)
sys.stdin.read()
";

/// A running program, which is ended on drop.
pub struct AtWork(Child);

impl AtWork {
    /// Starts a command and waits until it reports that it is ready.
    pub fn begin(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "{command:?}");
        Self(child)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Makes two namespaces. The second one answers at port 8080 what the first one asks of [`SERVICE`].
pub fn translating(name: &str) -> [Namespace; 2] {
    let [here, there] = Namespace::pair(name);
    // Each namespace has its own address, because an address that several have at once gets no name.
    here.inside(&["ip", "address", "add", "10.78.0.1/24", "dev", "wire"]);
    there.inside(&["ip", "address", "add", "10.78.0.2/24", "dev", "wire"]);
    here.inside(&["ip", "route", "add", "10.96.0.0/16", "via", "10.78.0.2"]);
    let rules = "table ip t { chain c { type nat hook output priority -100; \
                 ip daddr 10.96.0.0/24 tcp dport 80 dnat to 10.78.0.2:8080; }; }";
    here.inside(&["nft", rules]);
    [here, there]
}

/// Returns how many connections from `client` to `server` for `service` each end reports.
pub fn told(text: &str, [client, server]: [&str; 2], service: &str) -> [u64; 2] {
    ["source", "destination"].map(|reporter| {
        let labels = [
            format!("reporter=\"{reporter}\",source_workload=\"{client}\","),
            format!("destination_workload=\"{server}\""),
            format!("destination_service=\"{service}\""),
        ];
        sample(text, "istio_tcp_connections_opened_total", &labels.each_ref().map(String::as_str))
    })
}

#[test]
fn both_ends_of_a_translated_connection_have_their_names_and_the_services_address() {
    insist_on_being_alone();
    let [here, there] = translating("nat");
    let _server = AtWork::begin(&mut there.command(&["python3", "-c", ANSWER]));
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let (address, port) = SERVICE.split_once(':').unwrap();
    let client = AtWork::begin(&mut here.command(&["python3", "-c", ASK, address, port]));
    assert_eq!(told(&scrape(&agent.place()), [here.name(), there.name()], SERVICE), [1, 1]);
    drop(client);
    let text = scrape(&agent.place());
    assert_eq!(told(&text, [here.name(), there.name()], SERVICE), [1, 1], "{text}");
    assert!(sample(&text, "meshtax_agent_translations", &[]) >= 1, "{text}");
    assert!(text.contains("meshtax_agent_translations_missed_total{reason=\"unread\"} 0\n"), "{text}");
}

#[test]
fn who_does_not_want_it_sees_addresses_alone_and_has_one_process() {
    insist_on_root();
    let [here, there] = translating("nonat");
    let _server = AtWork::begin(&mut there.command(&["python3", "-c", ANSWER]));
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0", "--no-conntrack"]);
    assert_eq!(children(agent.id()), Vec::<u32>::new());
    let (address, port) = SERVICE.split_once(':').unwrap();
    let _client = AtWork::begin(&mut here.command(&["python3", "-c", ASK, address, port]));
    let text = scrape(&agent.place());
    let labels =
        ["reporter=\"source\"", "destination_workload=\"unknown\"", &format!("destination_service=\"{SERVICE}\"")];
    assert_eq!(sample(&text, "istio_tcp_connections_opened_total", &labels), 1, "{text}");
    assert!(!text.contains("meshtax_agent_translations"), "{text}");
}

#[test]
fn a_namespace_and_its_links_end_with_its_name() {
    insist_on_root();
    let [here, there] = Namespace::pair("unpinned");
    let _agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    drop(there);
    // The other end of a link is removed together with the namespace.
    let has_link = || here.inside(&["ip", "-brief", "link"]).contains("wire");
    let hanging = Instant::now() + Duration::from_secs(60);
    while has_link() {
        assert!(Instant::now() < hanging, "the agent keeps it");
    }
}

/// Returns the running children of a process.
pub fn children(id: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten();
    let of_task = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap();
    let all: String = tasks.map(of_task).collect();
    all.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

const TOPOLOGY: &str = "
name: nat
services:
  front: {port: 8080, endpoints: {/: {script: [{call: store}]}}}
  store: {port: 6379, protocol: tcp, response: 640 B}
";

#[test]
fn a_labs_service_addresses_lead_to_its_pods() {
    insist_on_root();
    let home = tempfile::tempdir().unwrap();
    let topology = home.path().join("topology.yaml");
    fs::write(&topology, TOPOLOGY).unwrap();
    let lab = Kept::stand(&topology);
    let agent = Watching::begin("agent", &["--listen", "127.0.0.1:0"]);
    let found = lab.enter("none", "client", &["getent", "hosts", "store"]);
    let found = String::from_utf8(found.stdout).unwrap();
    let address = found.split_whitespace().next().expect("the service has an address");
    let mut top = Watching::begin("top", &["--json", "--interval", "100ms", "--port", "6379"]);
    let _client = AtWork::begin(&mut lab.command_inside("none", "client", &["python3", "-c", ASK, address, "6379"]));
    let service = "store.default.svc.cluster.local";
    assert_eq!(told(&scrape(&agent.place()), ["none-client", "none-store-v1"], service), [1, 1]);
    let pods = ["none-client", "none-store-v1"];
    let lines = top.until(|lines| pods.iter().all(|pod| lines.iter().any(|line| line["pod"] == *pod)));
    assert!(lines.iter().all(|line| line["service"] == service), "{lines:?}");
}
