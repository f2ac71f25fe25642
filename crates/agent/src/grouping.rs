//! The labels by which counters are summed up.

use std::sync::Arc;

use probe::dns::{self, type_name};
use probe::{Connection, DropKey, UdpKey, UdpRole};

use crate::conntrack::Transport;
use crate::label::{Labels, OTHER};
use crate::link::{DESTINATION, SOURCE};
use crate::namer::Namer;
use crate::peer::{Peer, UNKNOWN};
use crate::place::{Place, Places, name_of};

/// How a query ended.
pub const RCODE: &str = "rcode";

/// What queries are summed by.
pub fn of_queries(key: &dns::Key, namer: &mut Namer) -> Labels {
    let labels = |source: Arc<str>, kind: Arc<str>, transport: &str, rcode: Arc<str>| {
        vec![("source_workload", source), ("type", kind), ("network_transport", transport.into()), (RCODE, rcode)]
    };
    if key.is_other() {
        return labels(OTHER.into(), OTHER.into(), OTHER, OTHER.into());
    }
    let source = name_of(key.netns, key.cgroup, &key.comm, namer);
    labels(source, type_name(key.kind).into(), key.transport.name(), key.rcode.to_string().into())
}

/// The labels of TCP metrics, as far as datagrams have them.
pub fn of_datagrams(key: &UdpKey, places: &Places, namer: &mut Namer) -> Labels {
    let reporter = if key.role == UdpRole::Client { SOURCE } else { DESTINATION };
    if key.is_other() {
        return udp_labels(reporter, [OTHER; 4].map(Arc::from));
    }
    let here = namer.peer(key.netns, key.cgroup, &key.comm);
    let network = namer.who(key.netns, key.cgroup).network;
    let place = Place { network: &network, netns: key.netns, transport: Transport::Udp };
    let known = |peer: Option<Arc<Peer>>| peer.map_or_else(|| UNKNOWN.into(), |peer| Arc::clone(&peer.workload));
    let name = Arc::clone(&here.workload);
    let (source, destination, service) = match key.role {
        UdpRole::Client => {
            let (server, service) = places.called(place, key.remote);
            (name, known(server), service)
        }
        UdpRole::Server | UdpRole::Unknown => {
            let (client, service) = places.asked(place, key.remote.ip(), (&here, key.local_port), namer);
            (known(client), name, service)
        }
    };
    udp_labels(reporter, [source, destination, service.host, "udp".into()])
}

fn udp_labels(reporter: &str, [source, destination, service, transport]: [Arc<str>; 4]) -> Labels {
    vec![
        ("reporter", reporter.into()),
        ("source_workload", source),
        ("destination_workload", destination),
        ("destination_service", service),
        ("network_transport", transport),
    ]
}

/// What drops are summed by. A namespace without a name, such as the host's own, is not known by its number: numbers come and go.
pub fn of_drops(key: &DropKey, namer: &mut Namer) -> Labels {
    if key.is_other() {
        return ["reason", "protocol", "workload"].map(|name| (name, OTHER.into())).to_vec();
    }
    vec![
        ("reason", key.reason.as_str().into()),
        ("protocol", key.protocol.as_str().into()),
        ("workload", name_of(key.netns, 0, UNKNOWN, namer)),
    ]
}

/// Whose a listener is, and its port.
pub fn of_listener(listener: &Connection, namer: &mut Namer) -> Labels {
    let name = name_of(listener.netns, listener.cgroup, &listener.comm, namer);
    vec![("workload", name), ("server_port", listener.local.port().to_string().into())]
}
