//! TCP connections that a test holds both ends of.

use std::io::{Read, Write, copy, sink};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Any port of IPv4 loopback.
pub const V4: &str = "127.0.0.1:0";
/// Any port of IPv6 loopback.
pub const V6: &str = "[::1]:0";

/// What a connection has moved, and its ports.
#[derive(Clone, Copy, Debug)]
pub struct Moved {
    /// Number of bytes from client to server.
    pub up: u64,
    /// Number of bytes from server to client.
    pub down: u64,
    /// Port of the client.
    pub client: u16,
    /// Port of the server.
    pub server: u16,
}

/// A server in this process.
pub struct Peer(TcpListener);

/// An open connection that this process holds both ends of.
pub struct Open {
    client: TcpStream,
    server: TcpStream,
    moved: Moved,
}

impl Peer {
    /// Listens at `address`, such as [`V4`].
    pub fn listen(address: &str) -> Self {
        Self(TcpListener::bind(address).unwrap())
    }

    /// Returns the port at which the server listens.
    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Opens a connection from this process to itself.
    pub fn open(&self) -> Open {
        let client = TcpStream::connect(self.0.local_addr().unwrap()).unwrap();
        let (server, from) = self.0.accept().unwrap();
        let moved = Moved { up: 0, down: 0, client: from.port(), server: self.port() };
        Open { client, server, moved }
    }

    /// Accepts the next connection and reads it to its end.
    pub fn attend(&self) {
        let (mut stream, _) = self.0.accept().unwrap();
        copy(&mut stream, &mut sink()).ok();
    }

    /// Opens a connection, moves these numbers of bytes, and ends it. `end` is called with the client's side first.
    pub fn exchange(&self, up: u64, down: u64, end: fn(&TcpStream)) -> Moved {
        let mut open = self.open();
        open.move_bytes(up, down);
        open.close(end)
    }
}

impl Open {
    /// Returns the client's port.
    pub fn client_port(&self) -> u16 {
        self.moved.client
    }

    /// Sends bytes from the client. They must fit into the socket buffers.
    pub fn send(&mut self, up: u64) {
        self.client.write_all(&vec![7; up as usize]).unwrap();
        self.moved.up += up;
    }

    /// Reads this number of bytes at the server.
    pub fn receive(&mut self, up: u64) {
        assert_eq!(copy(&mut (&mut self.server).take(up), &mut sink()).unwrap(), up);
    }

    /// Moves bytes both ways, and waits until they have arrived.
    pub fn move_bytes(&mut self, up: u64, down: u64) {
        stream(&mut self.client, &mut self.server, up);
        stream(&mut self.server, &mut self.client, down);
        self.moved.up += up;
        self.moved.down += down;
    }

    /// Ends the connection, the client first.
    pub fn close(self, end: fn(&TcpStream)) -> Moved {
        let Self { client, mut server, moved } = self;
        end(&client);
        drop(client);
        // Read to the end, or to the reset.
        copy(&mut server, &mut sink()).ok();
        moved
    }
}

fn stream(from: &mut TcpStream, to: &mut TcpStream, bytes: u64) {
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut left = bytes;
            let chunk = [7; 65_536];
            while left > 0 {
                let now = left.min(chunk.len() as u64) as usize;
                from.write_all(&chunk[..now]).unwrap();
                left -= now as u64;
            }
        });
        assert_eq!(copy(&mut to.take(bytes), &mut sink()).unwrap(), bytes);
    });
}
