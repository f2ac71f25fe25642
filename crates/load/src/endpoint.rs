use std::net::{SocketAddr, ToSocketAddrs};

use traffic::Target;

/// Where connections go.
pub(crate) struct TargetAddresses {
    target: Target,
    addresses: Vec<SocketAddr>,
    lookup: Lookup,
    next: usize,
}

/// When a name is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// For each connection, as a client without a cache does it. Everything else waits meanwhile.
    EachConnection,
    /// Once, for all connections.
    Once,
}

impl TargetAddresses {
    pub(crate) fn new(target: Target, lookup: Lookup) -> Self {
        Self { target, addresses: Vec::new(), lookup, next: 0 }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// The address of the next connection: all addresses of the name in turn. None if it has none.
    pub(crate) fn address(&mut self) -> Option<SocketAddr> {
        if self.addresses.is_empty() || self.lookup == Lookup::EachConnection {
            self.addresses = (self.target.host(), self.target.port()).to_socket_addrs().ok()?.collect();
        }
        let address = *self.addresses.get(self.next % self.addresses.len().max(1))?;
        if self.lookup == Lookup::Once {
            self.next += 1;
        }
        Some(address)
    }
}
