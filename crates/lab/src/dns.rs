//! Cluster DNS: answers for a node's services what CoreDNS answers in a cluster.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;

use hickory_server::Server;
use hickory_server::proto::rr::rdata::{A, SOA};
use hickory_server::proto::rr::{LowerName, Name, RData, Record};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, UdpSocket};

use crate::order::await_end;

/// CoreDNS's default time to live in clusters, in seconds.
const TTL_S: u32 = 30;
const TCP_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
const TCP_BUFFER: usize = 32;

/// What a node's DNS server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Address to listen on, port 53, UDP and TCP.
    pub listen: Ipv4Addr,
    /// Fully qualified names, without the final dot, and their addresses.
    pub records: BTreeMap<String, Ipv4Addr>,
}

/// Serves `zone` until `orders` ends (after the order `keep`: for ever). Writes `{"ready":true}` to `answers` once it
/// listens. A name has its address, its AAAA is empty; every other name does not exist.
pub fn serve_dns(zone: &Zone, orders: impl BufRead + Send + 'static, mut answers: impl Write) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut server = Server::new(catalog(zone)?);
        server.register_socket(UdpSocket::bind((zone.listen, 53)).await?);
        server.register_listener(TcpListener::bind((zone.listen, 53)).await?, TCP_TIMEOUT, TCP_BUFFER);
        writeln!(answers, "{{\"ready\":true}}")?;
        answers.flush()?;
        let (ended, end) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            await_end(orders);
            drop(ended);
        });
        tokio::select! {
            _ = end => Ok(()),
            done = server.block_until_done() => done.map_err(io::Error::other),
        }
    })
}

/// One authoritative zone over everything, so that a name outside the cluster does not exist either: a node has no way
/// out.
fn catalog(zone: &Zone) -> io::Result<Catalog> {
    let root = Name::root();
    let mut handler: InMemoryZoneHandler =
        InMemoryZoneHandler::empty(root.clone(), ZoneType::Primary, AxfrPolicy::Deny);
    let soa = SOA::new(name("ns.dns.cluster.local")?, name("hostmaster.cluster.local")?, 1, 7200, 1800, 86400, TTL_S);
    handler.upsert_mut(Record::from_rdata(root.clone(), TTL_S, RData::SOA(soa)), 0);
    for (known, address) in &zone.records {
        handler.upsert_mut(Record::from_rdata(name(known)?, TTL_S, RData::A(A(*address))), 0);
    }
    let mut catalog = Catalog::new();
    catalog.upsert(LowerName::from(root), vec![Arc::new(handler)]);
    Ok(catalog)
}

fn name(text: &str) -> io::Result<Name> {
    let mut name = Name::from_ascii(text).map_err(io::Error::other)?;
    name.set_fqdn(true);
    Ok(name)
}

#[cfg(test)]
mod tests;
