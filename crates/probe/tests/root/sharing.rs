//! Several sockets that listen on one port.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use probe::Tcp;
use records::ConnectionRole;
use socket2::{Domain, SockAddr, Socket, Type};
use testbed::{Namespace, insist_on_root};

const LISTENERS: usize = 4;
const CONNECTIONS: usize = 400;

fn listen(port: u16) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).unwrap();
    socket.listen(512).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

fn port(address: &SockAddr) -> u16 {
    address.as_socket().unwrap().port()
}

#[test]
fn each_connection_is_its_own_listeners() {
    insist_on_root();
    let namespace = Namespace::new("sharing");
    let mut probe = Tcp::load().unwrap();
    probe.attach().unwrap();
    namespace.within(|| {
        let first = listen(0);
        let shared = port(&first.local_addr().unwrap());
        let mut listeners = vec![first];
        listeners.extend((1..LISTENERS).map(|_| listen(shared)));
        // All connections stay open, so that others are between a child and its listener in the list.
        let clients: Vec<TcpStream> =
            (0..CONNECTIONS).map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, shared)).unwrap()).collect();
        let accepted: Vec<(u64, Socket, SockAddr)> = listeners
            .iter()
            .flat_map(|listener| {
                let id = listener.cookie().unwrap();
                std::iter::from_fn(move || listener.accept().ok()).map(move |(socket, peer)| (id, socket, peer))
            })
            .collect();
        let truth: BTreeMap<u16, u64> = accepted.iter().map(|(id, _, peer)| (port(peer), *id)).collect();
        let connections = probe.connections().unwrap();
        let ours = connections.iter().filter(|connection| {
            u64::from(connection.netns) == namespace.inode() && connection.role == ConnectionRole::Server
        });
        let told: BTreeMap<u16, u64> = ours.map(|server| (server.remote.port(), server.listener)).collect();
        assert_eq!(told.len(), clients.len());
        assert_eq!(told, truth);
    });
}
