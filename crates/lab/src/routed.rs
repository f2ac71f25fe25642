//! Pods on links of their own, as the VPC CNI of AWS and Calico have them: the node is a router, and all that a pod knows
//! of the network is a gateway that it never has to ask for.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use ground::address::{DNS, GATEWAY};
use rtnetlink::packet_route::neighbour::NeighbourState;
use rtnetlink::packet_route::route::RouteScope;
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};

use crate::link::{index_of, refused, silence_ipv6, sysctl, veth_into, with_netlink};
use crate::namespace::NetNs;

/// Every pod's next hop: an address that nobody has.
const NEXT_HOP: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);

/// Hardware address of the node's end of every link, so that a pod need not ask who has [`NEXT_HOP`]. Links of two ends
/// can share one, and Calico's do.
const NODE_END: [u8; 6] = [0xee; 6];

/// Gives the node its own address and the cluster DNS's, and each pod a link and a route to it.
pub(crate) fn wire_node(node: &NetNs, pods: &[(&NetNs, Ipv4Addr)]) -> io::Result<()> {
    node.run(|| {
        sysctl("net/ipv4/ip_forward", "1")?;
        // A pod that calls itself by its service's address is answered over the link that it asked on. That is as it
        // should be, and nothing to tell the pod of.
        sysctl("net/ipv4/conf/all/send_redirects", "0")?;
        sysctl("net/ipv4/conf/default/send_redirects", "0")?;
        silence_ipv6()?;
        with_netlink(async |handle| {
            let lo = index_of(&handle, "lo").await?;
            handle.link().set(LinkUnspec::new_with_index(lo).up().build()).execute().await.map_err(refused)?;
            // The first is the one that the node takes where it speaks for itself.
            for own in [GATEWAY, DNS] {
                handle.address().add(lo, IpAddr::V4(own), 32).execute().await.map_err(refused)?;
            }
            for (number, (pod, address)) in pods.iter().enumerate() {
                attach(&handle, &format!("mt{number}"), pod, *address).await?;
            }
            Ok(())
        })
    })
}

/// Gives the pod its address, alone in its network, and its way out.
pub(crate) fn wire_pod(pod: &NetNs, address: Ipv4Addr) -> io::Result<()> {
    pod.run(|| {
        silence_ipv6()?;
        with_netlink(async |handle| {
            let lo = index_of(&handle, "lo").await?;
            handle.link().set(LinkUnspec::new_with_index(lo).up().build()).execute().await.map_err(refused)?;
            let eth0 = index_of(&handle, "eth0").await?;
            handle.address().add(eth0, IpAddr::V4(address), 32).execute().await.map_err(refused)?;
            handle.link().set(LinkUnspec::new_with_index(eth0).up().build()).execute().await.map_err(refused)?;
            on_link(&handle, eth0, NEXT_HOP, None).await?;
            let known = handle.neighbours().add(eth0, IpAddr::V4(NEXT_HOP)).link_layer_address(&NODE_END);
            known.state(NeighbourState::Permanent).execute().await.map_err(refused)?;
            let out = RouteMessageBuilder::<Ipv4Addr>::new().gateway(NEXT_HOP).output_interface(eth0).build();
            handle.route().add(out).execute().await.map_err(refused)
        })
    })
}

/// A veth pair, `name` on the node and `eth0` in the pod, and the route that leads to the pod.
async fn attach(handle: &Handle, name: &str, pod: &NetNs, address: Ipv4Addr) -> io::Result<()> {
    handle.link().add(veth_into(name, pod)).execute().await.map_err(refused)?;
    let index = index_of(handle, name).await?;
    let up = LinkUnspec::new_with_index(index).address(NODE_END.to_vec()).up().build();
    handle.link().set(up).execute().await.map_err(refused)?;
    on_link(handle, index, address, Some(GATEWAY)).await
}

/// A route to one address at the other end of a link; whoever sends from here is `source`.
async fn on_link(handle: &Handle, link: u32, address: Ipv4Addr, source: Option<Ipv4Addr>) -> io::Result<()> {
    let route = RouteMessageBuilder::<Ipv4Addr>::new();
    let route = route.destination_prefix(address, 32).output_interface(link).scope(RouteScope::Link);
    let route = source.into_iter().fold(route, RouteMessageBuilder::<Ipv4Addr>::pref_source);
    handle.route().add(route.build()).execute().await.map_err(refused)
}
