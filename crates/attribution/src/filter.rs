use std::net::SocketAddr;

use ipnet::IpNet;
use records::{Connection, Dropped, Query, UdpKey};

/// Selects connections, queries, drops or UDP series. Every condition that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Process id.
    pub pid: Option<u32>,
    /// Name of the process: the whole name, at most 15 bytes.
    pub comm: Option<String>,
    /// Control group, by the inode of its folder, which is its id.
    pub cgroup: Option<u64>,
    /// Network namespace, by its inode.
    pub netns: Option<u32>,
    /// Port of either end.
    pub port: Option<u16>,
    /// Network that holds the address of either end.
    pub cidr: Option<IpNet>,
}

impl Filter {
    /// Returns whether the filter selects this connection.
    pub fn admits(&self, connection: &Connection) -> bool {
        let Connection { pid, comm, cgroup, netns, local, remote, .. } = connection;
        self.admits_owner(*pid, comm, *cgroup, *netns) && self.admits_ends(&[*local, *remote])
    }

    /// Returns whether the filter selects this DNS query.
    pub fn admits_query(&self, query: &Query) -> bool {
        let Query { pid, comm, cgroup, netns, local, server, .. } = query;
        self.admits_owner(*pid, comm, *cgroup, *netns) && self.admits_ends(&[*local, *server])
    }

    /// Returns whether the filter selects this drop. A packet without addresses matches no network and no port.
    pub fn admits_drop(&self, dropped: &Dropped) -> bool {
        let Dropped { pid, comm, cgroup, netns, source, destination, .. } = dropped;
        let ends: Vec<SocketAddr> = source.iter().chain(destination).copied().collect();
        self.admits_owner(*pid, comm, *cgroup, *netns) && self.admits_ends(&ends)
    }

    /// Returns whether the filter selects this UDP series. Only the port of the local end is known, not its address.
    pub fn admits_udp(&self, key: &UdpKey) -> bool {
        let UdpKey { pid, comm, cgroup, netns, local_port, remote, .. } = key;
        let same_port = self.port == Some(*local_port);
        let filter = Self { port: self.port.filter(|_| !same_port), ..self.clone() };
        self.admits_owner(*pid, comm, *cgroup, *netns) && filter.admits_ends(&[*remote])
    }

    fn admits_owner(&self, pid: u32, comm: &str, cgroup: u64, netns: u32) -> bool {
        self.pid.is_none_or(|wanted| wanted == pid)
            && self.comm.as_ref().is_none_or(|wanted| wanted == comm)
            && self.cgroup.is_none_or(|wanted| wanted == cgroup)
            && self.netns.is_none_or(|wanted| wanted == netns)
    }

    fn admits_ends(&self, ends: &[SocketAddr]) -> bool {
        self.port.is_none_or(|port| ends.iter().any(|end| end.port() == port))
            && self.cidr.is_none_or(|cidr| ends.iter().any(|end| cidr.contains(&end.ip())))
    }
}

#[cfg(test)]
mod tests {
    use records::ConnectionRole;

    use crate::place::tests::socket;

    use super::*;

    #[test]
    fn whatever_is_set_must_hold() {
        let mut connection = socket(ConnectionRole::Client, 7, "curl", "10.0.0.3:51234");
        connection.remote = "192.0.2.1:443".parse().unwrap();
        connection.cgroup = 99;
        let check = |filter: Filter, is_admitted: bool| {
            assert_eq!(filter.admits(&connection), is_admitted, "{filter:?}");
        };
        let any = Filter::default;
        let network = |text: &str| Some(text.parse().unwrap());
        check(any(), true);
        check(Filter { pid: Some(4242), ..any() }, true);
        check(Filter { pid: Some(4243), ..any() }, false);
        check(Filter { comm: Some("curl".to_owned()), ..any() }, true);
        check(Filter { comm: Some("cur".to_owned()), ..any() }, false);
        check(Filter { cgroup: Some(99), ..any() }, true);
        check(Filter { cgroup: Some(98), ..any() }, false);
        check(Filter { netns: Some(7), ..any() }, true);
        check(Filter { netns: Some(8), ..any() }, false);
        for (port, is_admitted) in [(443, true), (51234, true), (80, false)] {
            check(Filter { port: Some(port), ..any() }, is_admitted);
        }
        for (cidr, is_admitted) in [
            ("192.0.2.0/24", true),
            ("10.0.0.3/32", true),
            ("0.0.0.0/0", true),
            ("192.0.3.0/24", false),
            ("::/0", false),
        ] {
            check(Filter { cidr: network(cidr), ..any() }, is_admitted);
        }
        check(Filter { pid: Some(4242), port: Some(443), cidr: network("10.0.0.0/8"), ..any() }, true);
        check(Filter { pid: Some(4242), port: Some(80), cidr: network("10.0.0.0/8"), ..any() }, false);
    }
}
