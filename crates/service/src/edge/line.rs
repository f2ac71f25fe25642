use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hyper::body::Bytes;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use topology::{Call, Connections, Service};

use super::AttemptError;
use crate::line::{line_of, read_line};
use crate::network::Resolver;
use crate::tally::CallTally;

/// A `tcp` service that is called, and the connections to it that are idle.
#[derive(Debug)]
pub(super) struct LinePeer {
    name: String,
    port: u16,
    connections: Connections,
    resolver: Resolver,
    idle: Mutex<Vec<BufReader<TcpStream>>>,
}

/// A call to a `tcp` service.
#[derive(Debug)]
pub(super) struct LineRoute {
    peer: Arc<LinePeer>,
    line: Bytes,
}

impl LinePeer {
    pub(super) fn new(callee: &Service, connections: Connections, resolver: Resolver) -> Self {
        Self { name: callee.name.clone(), port: callee.port, connections, resolver, idle: Mutex::default() }
    }

    /// Whether this is the service of that name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    pub(super) fn route(self: Arc<Self>, call: &Call) -> LineRoute {
        LineRoute { peer: self, line: line_of(call.request_bytes) }
    }

    /// An idle connection, or else a new one.
    async fn connection(&self) -> io::Result<BufReader<TcpStream>> {
        match self.take_idle() {
            Some(connection) => Ok(connection),
            None => self.connect().await,
        }
    }

    async fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let mut addresses: Vec<SocketAddr> = self.resolver.resolve(&self.name).await?;
        addresses.iter_mut().for_each(|address| address.set_port(self.port));
        let stream = TcpStream::connect(&*addresses).await?;
        stream.set_nodelay(true)?;
        Ok(BufReader::new(stream))
    }

    /// The connection that was used last, without those that the other side has closed since.
    fn take_idle(&self) -> Option<BufReader<TcpStream>> {
        let mut idle = self.idle.lock().expect("no thread panics while it holds this");
        std::iter::from_fn(|| idle.pop()).find(is_open)
    }

    fn put_back(&self, connection: BufReader<TcpStream>) {
        if self.connections == Connections::Pooled {
            self.idle.lock().expect("no thread panics while it holds this").push(connection);
        }
    }
}

/// On an open idle connection there is nothing to read; an end, an error or bytes that nobody asked for make it useless.
fn is_open(connection: &BufReader<TcpStream>) -> bool {
    let nothing = connection.get_ref().try_read(&mut [0]);
    nothing.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

impl LineRoute {
    /// Sends the line and reads the one that answers it. The connection is kept only if all went well.
    pub(super) async fn ask(&self, tally: &CallTally) -> Result<(), AttemptError> {
        let mut connection = self.peer.connection().await?;
        connection.write_all(&self.line).await?;
        tally.sent_bytes.add(self.line.len() as u64);
        let received = read_line(&mut connection).await?;
        if received == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        tally.received_bytes.add(received);
        self.peer.put_back(connection);
        Ok(())
    }
}
