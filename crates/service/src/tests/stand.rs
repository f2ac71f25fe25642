//! Services on loopback addresses of their own, and a client for them.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use topology::{Call, Connections, Endpoint, Protocol, Service, Step, Topology, Version, Work};

use crate::network::{PodNetwork, Resolver};
use crate::serve::Server;
use crate::{Counts, ServeError};

/// Port of every service.
pub const PORT: u16 = 9080;

/// An address that no other test uses, of this process or another.
pub fn free_address() -> IpAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    Ipv4Addr::new(127, high, low, NEXT.fetch_add(1, Ordering::Relaxed)).into()
}

pub fn service(name: &str, endpoints: Vec<Endpoint>) -> Service {
    Service {
        name: name.to_owned(),
        port: PORT,
        protocol: Protocol::Http,
        declared: true,
        account: name.to_owned(),
        connections: Connections::Pooled,
        propagate: Vec::new(),
        ready: Some("/ready".to_owned()),
        metrics: None,
        restart: topology::Restart::Never,
        versions: vec![Version {
            name: "v1".to_owned(),
            weight: 1,
            instances: 1,
            work: Work::Simulated { memory_bytes: 10_000, endpoints },
        }],
    }
}

pub fn tcp_service(name: &str, script: Vec<Step>) -> Service {
    Service { protocol: Protocol::Tcp, ready: None, ..service(name, vec![endpoint("", script)]) }
}

/// An endpoint that answers 100 bytes.
pub fn endpoint(path: &str, script: Vec<Step>) -> Endpoint {
    let content_type = Endpoint::CONTENT_TYPE_DEFAULT.to_owned();
    Endpoint { path: path.to_owned(), script, response_bytes: 100, content_type, error_rate: 0.0 }
}

pub fn call(service: &str, path: &str) -> Call {
    let timeout = Duration::from_secs(20);
    Call { service: service.to_owned(), path: path.to_owned(), timeout, retries: 0, request_bytes: 0 }
}

/// The first pods of the simulated services of a topology. Dropping it ends their orders and joins them.
pub struct Stand {
    pods: HashMap<String, Running>,
}

struct Running {
    address: IpAddr,
    orders: Option<PipeWriter>,
    answers: BufReader<PipeReader>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Stand {
    /// All services are simulated.
    pub fn up(services: Vec<Service>) -> Self {
        Self::up_beside(services, &[])
    }

    /// `others` are services that stand already, at addresses of their own; they have to be in the topology too.
    pub fn up_beside(services: Vec<Service>, others: &[(&str, IpAddr)]) -> Self {
        let others: HashMap<_, _> = others.iter().map(|(name, address)| ((*name).to_owned(), *address)).collect();
        let address_of = |service: &Service| others.get(&service.name).copied().unwrap_or_else(free_address);
        let addresses: HashMap<_, _> =
            services.iter().map(|service| (service.name.clone(), address_of(service))).collect();
        let resolver = resolver(addresses.clone());
        let topology = Arc::new(Topology { name: "test".to_owned(), description: String::new(), services });
        let simulated = topology.services.iter().filter(|service| !others.contains_key(&service.name));
        let start = |service: &Service| {
            let network = PodNetwork { address: addresses[&service.name], resolver: resolver.clone() };
            (service.name.clone(), Running::start(format!("{}-v1", service.name), Arc::clone(&topology), network))
        };
        Self { pods: simulated.map(start).collect() }
    }

    pub fn address(&self, service: &str) -> SocketAddr {
        (self.pods[service].address, PORT).into()
    }

    pub fn connect(&self, service: &str) -> Client {
        Client(BufReader::new(TcpStream::connect(self.address(service)).unwrap()))
    }

    /// Gives an order that has no answer.
    pub fn order(&mut self, service: &str, order: &str) {
        let pod = self.pods.get_mut(service).unwrap();
        writeln!(pod.orders.as_mut().expect("orders have not ended"), "{order}").unwrap();
    }

    /// Gives an order and returns the answer.
    pub fn ask(&mut self, service: &str, order: &str) -> String {
        self.order(service, order);
        self.pods.get_mut(service).unwrap().answer()
    }

    pub fn counts(&mut self, service: &str) -> Counts {
        serde_json::from_str(&self.ask(service, "counts")).unwrap()
    }

    pub fn end_orders(&mut self, service: &str) {
        self.pods.get_mut(service).unwrap().orders = None;
    }

    /// Waits until the service has ended.
    pub fn join(&mut self, service: &str) -> Result<(), ServeError> {
        self.pods.get_mut(service).unwrap().thread.take().unwrap().join().unwrap()
    }

    /// Lets a service go on by itself.
    pub fn leave(&mut self, service: &str) {
        self.pods.get_mut(service).unwrap().thread = None;
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        for pod in self.pods.values_mut() {
            pod.orders = None;
        }
        for thread in self.pods.values_mut().filter_map(|pod| pod.thread.take()) {
            let end = thread.join();
            assert!(thread::panicking() || matches!(end, Ok(Ok(()))), "a service ended badly: {end:?}");
        }
    }
}

impl Running {
    fn start(pod: String, topology: Arc<Topology>, network: PodNetwork) -> Self {
        let (ordered, orders) = io::pipe().unwrap();
        let (answers, answered) = io::pipe().unwrap();
        let address = network.address;
        let serve = move || Server { pod: &pod, topology: &topology, network }.serve(BufReader::new(ordered), answered);
        let thread = Some(thread::spawn(serve));
        let mut running = Self { address, orders: Some(orders), answers: BufReader::new(answers), thread };
        assert_eq!(running.answer(), r#"{"ready":true}"#);
        running
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

pub fn resolver(addresses: HashMap<String, IpAddr>) -> Resolver {
    Resolver::new(move |name| {
        let unknown = || io::Error::other(format!("no service `{name}`"));
        Ok(vec![(*addresses.get(name).ok_or_else(unknown)?, 0).into()])
    })
}

/// A connection to a service.
pub struct Client(BufReader<TcpStream>);

/// What a service answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Client {
    /// Asks for `path` with further header lines, each with its line end.
    pub fn get_with(&mut self, path: &str, headers: &str) -> Answer {
        self.send(path, headers);
        self.receive()
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.get_with(path, "")
    }

    pub fn send(&mut self, path: &str, headers: &str) {
        self.write(&format!("GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n"));
    }

    pub fn write(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    pub fn receive(&mut self) -> Answer {
        let head = read_head(&mut self.0).expect("the service answers");
        let mut body = vec![0; header(&head, "content-length").map_or(0, |bytes| bytes.parse().unwrap())];
        self.0.read_exact(&mut body).unwrap();
        Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body }
    }

    /// Sends a line and returns the one that answers it; empty if the connection ends instead.
    pub fn line(&mut self, line: &str) -> String {
        self.write(&format!("{line}\n"));
        let mut answer = String::new();
        self.0.read_line(&mut answer).unwrap();
        answer
    }
}

/// Reads up to the empty line; nothing if the stream has ended.
pub fn read_head(stream: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// The value of a header, whose name is in lower case.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
