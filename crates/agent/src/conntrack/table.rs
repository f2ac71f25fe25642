use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;

use attribution::Translation;
use netlink_packet_netfilter::conntrack::{
    ConntrackAttribute, ConntrackMessage, IPTuple, ProtoTuple, Protocol, Status, Tuple,
};
use netlink_packet_netfilter::{NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily};
use nix::sched::{CloneFlags, setns};
use probe::netlink;
use records::Transport;
use rustix::net::netlink::NETFILTER;

use crate::folders::NAMED;

/// File with the number of connections in the conntrack table of the opening thread's namespace.
const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";

/// The conntrack table of one network namespace.
#[derive(Debug)]
pub struct Table {
    pub netns: u32,
    /// File that names the namespace; `None` for this process's own namespace.
    pub name: Option<PathBuf>,
    pub socket: OwnedFd,
    /// File with the number of connections, which is cheaper to read than the table; `None` if the kernel has none.
    pub count: Option<File>,
}

impl Table {
    /// Opens the table of this thread's network namespace.
    pub fn own() -> io::Result<Self> {
        let netns = number(Path::new("/proc/thread-self/ns/net"))?;
        let socket = netlink::open(NETFILTER)?;
        let table = Self { netns, name: None, socket, count: File::open(COUNT).ok() };
        table.dump(|_| ())?;
        Ok(table)
    }

    /// Opens the tables of all other network namespaces that have a name below `root`.
    pub fn named(root: &Path) -> Vec<io::Result<Self>> {
        names(root).map(Self::within).collect()
    }

    fn within(path: PathBuf) -> io::Result<Self> {
        let enter = move || {
            setns(File::open(&path)?, CloneFlags::CLONE_NEWNET)?;
            Ok(Self { name: Some(path), ..Self::own()? })
        };
        thread::spawn(enter).join().expect("a table is opened without panic")
    }

    /// Returns whether this is the table of this process's own network namespace.
    pub fn is_own(&self) -> bool {
        self.name.is_none()
    }

    /// Returns whether the namespace still has the name by which it was found.
    pub fn has_name(&self) -> bool {
        self.name.as_ref().is_none_or(|name| number(name).is_ok_and(|netns| netns == self.netns))
    }

    /// Calls `take` with every translation, once for each connection.
    pub fn read(&self, take: impl FnMut(Translation)) -> io::Result<()> {
        if self.is_empty() { Ok(()) } else { self.dump(take) }
    }

    fn is_empty(&self) -> bool {
        let mut digits = [0; 2];
        let length = self.count.as_ref().and_then(|count| count.read_at(&mut digits, 0).ok());
        length.is_some_and(|length| digits[..length].trim_ascii() == b"0")
    }

    fn dump(&self, mut take: impl FnMut(Translation)) -> io::Result<()> {
        netlink::list(&self.socket, question(), |message| {
            translation(self.netns, message).into_iter().for_each(&mut take);
        })
    }
}

/// Returns the files that name other network namespaces below `root`.
pub fn names(root: &Path) -> impl Iterator<Item = PathBuf> {
    let own = number(Path::new("/proc/thread-self/ns/net")).ok();
    let folders = NAMED.iter().flat_map(|folder| fs::read_dir(root.join(folder)));
    let entries = folders.flatten().flatten().map(|entry| entry.path());
    // A file that is not a namespace, or not any more, is kept here as well. Opening it fails later.
    entries.filter(move |path| number(path).ok() != own)
}

/// Returns the inode of a network namespace.
fn number(path: &Path) -> io::Result<u32> {
    let inode = fs::metadata(path)?.ino();
    u32::try_from(inode).map_err(io::Error::other)
}

/// Asks for all connections with a translated destination. Kernels that do not know this filter return all connections.
fn question() -> NetfilterMessage {
    let wish = ConntrackMessage::Get(vec![ConntrackAttribute::CtaStatus(Status::DstNat)]);
    NetfilterMessage::new(NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0), wish)
}

/// Both ends of one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ends {
    transport: Transport,
    from: SocketAddr,
    to: SocketAddr,
}

impl Ends {
    fn of(tuples: &[Tuple]) -> Option<Self> {
        let (mut from, mut to): (Option<IpAddr>, Option<IpAddr>) = (None, None);
        let (mut transport, mut from_port, mut to_port) = (None, None, None);
        for tuple in tuples {
            match tuple {
                Tuple::Ip(addresses) => addresses.iter().for_each(|address| match address {
                    IPTuple::SourceAddress(address) => from = Some(*address),
                    IPTuple::DestinationAddress(address) => to = Some(*address),
                    _ => {}
                }),
                Tuple::Proto(parts) => parts.iter().for_each(|part| match part {
                    ProtoTuple::Protocol(Protocol::Tcp) => transport = Some(Transport::Tcp),
                    ProtoTuple::Protocol(Protocol::Udp) => transport = Some(Transport::Udp),
                    ProtoTuple::SourcePort(port) => from_port = Some(*port),
                    ProtoTuple::DestinationPort(port) => to_port = Some(*port),
                    _ => {}
                }),
                _ => {}
            }
        }
        let (from, to) = (SocketAddr::new(from?, from_port?), SocketAddr::new(to?, to_port?));
        Some(Self { transport: transport?, from, to })
    }
}

/// Returns the translation in a message; `None` if the server that answers is the one that was asked. Redirections to a
/// program on the same host are left out as well.
fn translation(netns: u32, message: NetfilterMessage) -> Option<Translation> {
    let NetfilterMessageInner::Conntrack(ConntrackMessage::New(attributes)) = message.inner else { return None };
    let (mut asked, mut answer) = (None, None);
    for attribute in &attributes {
        match attribute {
            ConntrackAttribute::CtaTupleOrig(tuples) => asked = Ends::of(tuples),
            ConntrackAttribute::CtaTupleReply(tuples) => answer = Ends::of(tuples),
            _ => {}
        }
    }
    let (Ends { transport, from, to }, answer) = (asked?, answer?);
    let is_translated = answer.from != to && !answer.from.ip().is_loopback();
    is_translated.then_some(Translation {
        netns,
        transport,
        client: from.ip(),
        service: to,
        backend: answer.from,
        seen: answer.to.ip(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(from: &str, to: &str) -> Vec<Tuple> {
        let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
        vec![
            Tuple::Ip(vec![IPTuple::SourceAddress(from.ip()), IPTuple::DestinationAddress(to.ip())]),
            Tuple::Proto(vec![
                ProtoTuple::Protocol(Protocol::Tcp),
                ProtoTuple::SourcePort(from.port()),
                ProtoTuple::DestinationPort(to.port()),
            ]),
        ]
    }

    fn check(asked: (&str, &str), answer: (&str, &str), told: Option<[&str; 4]>) {
        let attributes = vec![
            ConntrackAttribute::CtaTupleOrig(ends(asked.0, asked.1)),
            ConntrackAttribute::CtaTupleReply(ends(answer.0, answer.1)),
        ];
        let header = NetfilterHeader::new(NetfilterProtoFamily::IPv4, 0, 0);
        let found = translation(7, NetfilterMessage::new(header, ConntrackMessage::New(attributes)));
        let told = told.map(|[client, service, backend, seen]| Translation {
            netns: 7,
            transport: Transport::Tcp,
            client: client.parse().unwrap(),
            service: service.parse().unwrap(),
            backend: backend.parse().unwrap(),
            seen: seen.parse().unwrap(),
        });
        assert_eq!(found, told);
    }

    #[test]
    fn who_answers_for_a_service_is_told_with_who_seems_to_ask() {
        let asked = ("10.0.0.2:40000", "10.96.0.11:80");
        check(
            asked,
            ("10.0.0.3:8080", "10.0.0.2:40000"),
            Some(["10.0.0.2", "10.96.0.11:80", "10.0.0.3:8080", "10.0.0.2"]),
        );
        check(
            asked,
            ("10.0.0.3:8080", "10.0.0.1:999"),
            Some(["10.0.0.2", "10.96.0.11:80", "10.0.0.3:8080", "10.0.0.1"]),
        );
    }

    #[test]
    fn who_answers_in_his_own_name_is_not_told_nor_who_is_diverted_on_the_host() {
        check(("10.0.0.2:40000", "1.2.3.4:80"), ("1.2.3.4:80", "10.0.0.1:999"), None);
        check(("10.0.0.2:40000", "10.96.0.11:80"), ("127.0.0.1:15001", "10.0.0.2:40000"), None);
    }
}
