use records::Connection;

use crate::label::Labels;
use crate::namer::Namer;
use crate::place::name_of;

/// Returns the labels of a listener: its owner's name and its port.
pub fn listener_labels(listener: &Connection, namer: &mut Namer) -> Labels {
    let name = name_of(listener.netns, listener.cgroup, &listener.comm, namer);
    vec![("workload", name), ("server_port", listener.local.port().to_string().into())]
}
