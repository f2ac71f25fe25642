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

use crate::order::await_end_heeding;

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
/// listens. A name has its address, its AAAA is empty; every other name does not exist. `hide NAME` makes that so for a
/// name of the zone, until `show NAME`; either is answered by `{"done":true}` once it holds.
pub fn serve_dns(zone: &Zone, orders: impl BufRead + Send + 'static, mut answers: impl Write) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let names = Arc::new(names(zone)?);
        let mut server = Server::new(catalog(&names));
        server.register_socket(UdpSocket::bind((zone.listen, 53)).await?);
        server.register_listener(TcpListener::bind((zone.listen, 53)).await?, TCP_TIMEOUT, TCP_BUFFER);
        say(&mut answers, "{\"ready\":true}")?;
        let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel::<String>();
        std::thread::spawn(move || {
            // Fails only if the server has ended already.
            await_end_heeding(orders, |order| drop(sender.send(order.to_owned())));
        });
        let obeying = async {
            while let Some(order) = heard.recv().await {
                let done = obey(&order, zone, &names).await?;
                say(&mut answers, &format!("{{\"done\":{done}}}"))?;
            }
            Ok(())
        };
        tokio::select! {
            done = obeying => done,
            done = server.block_until_done() => done.map_err(io::Error::other),
        }
    })
}

/// Hides a name or shows it again; false for anything else.
async fn obey(order: &str, zone: &Zone, names: &InMemoryZoneHandler) -> io::Result<bool> {
    let Some((verb, known)) = order.split_once(' ') else { return Ok(false) };
    let Some(address) = zone.records.get(known) else { return Ok(false) };
    match verb {
        "hide" => {
            let hidden = LowerName::from(name(known)?);
            names.records_mut().await.retain(|key, _| key.name != hidden);
        }
        "show" => drop(names.upsert(record(known, *address)?, 0).await),
        _ => return Ok(false),
    }
    Ok(true)
}

fn say(answers: &mut impl Write, line: &str) -> io::Result<()> {
    writeln!(answers, "{line}")?;
    answers.flush()
}

/// One authoritative zone over everything, so that a name outside the cluster does not exist either: a node has no way
/// out.
fn names(zone: &Zone) -> io::Result<InMemoryZoneHandler> {
    let root = Name::root();
    let mut handler: InMemoryZoneHandler =
        InMemoryZoneHandler::empty(root.clone(), ZoneType::Primary, AxfrPolicy::Deny);
    let soa = SOA::new(name("ns.dns.cluster.local")?, name("hostmaster.cluster.local")?, 1, 7200, 1800, 86400, TTL_S);
    handler.upsert_mut(Record::from_rdata(root, TTL_S, RData::SOA(soa)), 0);
    for (known, address) in &zone.records {
        handler.upsert_mut(record(known, *address)?, 0);
    }
    Ok(handler)
}

fn catalog(names: &Arc<InMemoryZoneHandler>) -> Catalog {
    let mut catalog = Catalog::new();
    catalog.upsert(LowerName::from(Name::root()), vec![Arc::<InMemoryZoneHandler>::clone(names)]);
    catalog
}

fn record(known: &str, address: Ipv4Addr) -> io::Result<Record> {
    Ok(Record::from_rdata(name(known)?, TTL_S, RData::A(A(address))))
}

fn name(text: &str) -> io::Result<Name> {
    let mut name = Name::from_ascii(text).map_err(io::Error::other)?;
    name.set_fqdn(true);
    Ok(name)
}

#[cfg(test)]
mod tests;
