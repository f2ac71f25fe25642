use ipnet::IpNet;
use probe::Connection;

/// Which connections are of interest; what is not set lets everything pass, and whatever is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Process.
    pub pid: Option<u32>,
    /// Name of the process: the whole of it, 15 bytes at most.
    pub comm: Option<String>,
    /// Control group: the inode of its folder, which is its id.
    pub cgroup: Option<u64>,
    /// Network namespace: its inode.
    pub netns: Option<u32>,
    /// Port of either end.
    pub port: Option<u16>,
    /// A network in which the address of either end lies.
    pub cidr: Option<IpNet>,
}

impl Filter {
    /// Whether this connection is of interest.
    pub fn admits(&self, connection: &Connection) -> bool {
        let Self { pid, comm, cgroup, netns, port, cidr } = self;
        pid.is_none_or(|pid| pid == connection.pid)
            && comm.as_ref().is_none_or(|comm| *comm == connection.comm)
            && cgroup.is_none_or(|cgroup| cgroup == connection.cgroup)
            && netns.is_none_or(|netns| netns == connection.netns)
            && port.is_none_or(|port| port == connection.local.port() || port == connection.remote.port())
            && cidr.is_none_or(|cidr| cidr.contains(&connection.local.ip()) || cidr.contains(&connection.remote.ip()))
    }
}
