use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::Name;
use tokio::task::spawn_blocking;

/// Where a pod listens and how it finds others.
#[derive(Clone, Debug)]
pub(crate) struct PodNetwork {
    /// Address on which it listens.
    pub(crate) address: IpAddr,
    /// How names become addresses.
    pub(crate) resolver: Resolver,
}

impl Default for PodNetwork {
    /// Every address of the pod, and the system's look-up of names.
    fn default() -> Self {
        Self {
            address: Ipv4Addr::UNSPECIFIED.into(),
            resolver: Resolver::new(|name| Ok((name, 0).to_socket_addrs()?.collect())),
        }
    }
}

type LookUp = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// How the name of a service becomes addresses. Ports in the result are ignored.
#[derive(Clone)]
pub(crate) struct Resolver(Arc<LookUp>);

impl Resolver {
    /// A resolver that asks `look_up`, which may block.
    pub(crate) fn new(look_up: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }

    /// The addresses of `name`.
    pub(crate) async fn resolve(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let (look_up, name) = (Arc::clone(&self.0), name.to_owned());
        spawn_blocking(move || look_up(&name)).await?
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

/// What hyper's connector asks of a resolver.
impl tower_service::Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = self.clone();
        Box::pin(async move { Ok(resolver.resolve(name.as_str()).await?.into_iter()) })
    }
}
