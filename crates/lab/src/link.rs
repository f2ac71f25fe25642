//! A node's bridge and the pods' links, made over netlink.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use futures_util::TryStreamExt;
use ground::address::{DNS, GATEWAY, POD_PREFIX};
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute, LinkMessage};
use rtnetlink::{
    Handle, LinkBridge, LinkBridgePort, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder, new_connection,
};

use crate::namespace::NetNs;

const BRIDGE: &str = "mtbr0";

/// Makes the node's bridge, with the gateway's and the cluster DNS's address on it, and one link to each pod.
pub(crate) fn wire_node(node: &NetNs, pods: &[&NetNs]) -> io::Result<()> {
    node.run(|| {
        sysctl("net/ipv4/ip_forward", "1")?;
        // Without it, answers between two pods of one bridge would bypass the address translation.
        sysctl("net/bridge/bridge-nf-call-iptables", "1")?;
        silence_ipv6()?;
        with_netlink(async |handle| {
            let lo = index_of(&handle, "lo").await?;
            handle.link().set(LinkUnspec::new_with_index(lo).up().build()).execute().await.map_err(refused)?;
            handle.address().add(lo, IpAddr::V4(DNS), 32).execute().await.map_err(refused)?;
            handle.link().add(LinkBridge::new(BRIDGE).up().build()).execute().await.map_err(refused)?;
            let bridge = index_of(&handle, BRIDGE).await?;
            handle.address().add(bridge, IpAddr::V4(GATEWAY), POD_PREFIX).execute().await.map_err(refused)?;
            for (number, pod) in pods.iter().enumerate() {
                attach(&handle, bridge, &format!("mt{number}"), pod).await?;
            }
            Ok(())
        })
    })
}

/// Gives the pod its address and its way out; its `eth0` is there already.
pub(crate) fn wire_pod(pod: &NetNs, address: Ipv4Addr) -> io::Result<()> {
    pod.run(|| {
        silence_ipv6()?;
        with_netlink(async |handle| {
            let lo = index_of(&handle, "lo").await?;
            handle.link().set(LinkUnspec::new_with_index(lo).up().build()).execute().await.map_err(refused)?;
            let eth0 = index_of(&handle, "eth0").await?;
            handle.address().add(eth0, IpAddr::V4(address), POD_PREFIX).execute().await.map_err(refused)?;
            handle.link().set(LinkUnspec::new_with_index(eth0).up().build()).execute().await.map_err(refused)?;
            let out = RouteMessageBuilder::<Ipv4Addr>::new().gateway(GATEWAY).build();
            handle.route().add(out).execute().await.map_err(refused)
        })
    })
}

/// A veth pair: `name` on the bridge, `eth0` in the pod.
async fn attach(handle: &Handle, bridge: u32, name: &str, pod: &NetNs) -> io::Result<()> {
    handle.link().add(veth_into(name, pod)).execute().await.map_err(refused)?;
    let index = index_of(handle, name).await?;
    let up = LinkUnspec::new_with_index(index).controller(bridge).up().build();
    handle.link().set(up).execute().await.map_err(refused)?;
    // A pod may reach itself through its service's address: the answer leaves by the port it came from.
    handle.link().set_port(LinkBridgePort::new(index).hairpin(true).build()).execute().await.map_err(refused)
}

/// The pair is born with one end inside the pod: moving it there would cost a grace period of the kernel's RCU.
pub(crate) fn veth_into(name: &str, pod: &NetNs) -> LinkMessage {
    let peer = LinkMessageBuilder::<LinkUnspec>::new().name("eth0").build();
    let mut peer_inside = peer;
    peer_inside.attributes.push(LinkAttribute::NetNsFd(pod.as_fd().as_raw_fd()));
    LinkVeth::new(name, "eth0").set_info_data(InfoData::Veth(InfoVeth::Peer(peer_inside))).build()
}

pub(crate) async fn index_of(handle: &Handle, name: &str) -> io::Result<u32> {
    let found = handle.link().get().match_name(name.to_owned()).execute().try_next().await.map_err(refused)?;
    found.map(|link| link.header.index).ok_or_else(|| io::Error::other(format!("link `{name}` is gone")))
}

/// Runs `work` with a netlink connection of the current network namespace.
pub(crate) fn with_netlink(work: impl AsyncFnOnce(Handle) -> io::Result<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let (connection, handle, _) = new_connection()?;
        let connection = tokio::spawn(connection);
        let done = work(handle).await;
        connection.abort();
        done
    })
}

pub(crate) fn refused(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other),
    }
}

/// Pods speak IPv4 only; IPv6 would add its own background packets to idle links.
pub(crate) fn silence_ipv6() -> io::Result<()> {
    if Path::new("/proc/sys/net/ipv6").exists() {
        sysctl("net/ipv6/conf/all/disable_ipv6", "1")?;
        sysctl("net/ipv6/conf/default/disable_ipv6", "1")?;
    }
    Ok(())
}

/// Writes a setting of the current thread's network namespace.
pub(crate) fn sysctl(name: &str, value: &str) -> io::Result<()> {
    let path = Path::new("/proc/sys").join(name);
    fs::write(&path, value).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
