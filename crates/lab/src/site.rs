use ground::address::Addresses;

use crate::authority::Identities;
use crate::blueprint::Blueprint;
use crate::stop::Stop;
use crate::trees::Trees;

/// What making a node needs beside its arm.
pub(crate) struct Site<'a> {
    pub id: &'a str,
    pub blueprint: &'a Blueprint<'a>,
    pub addresses: &'a Addresses,
    pub identities: &'a Identities,
    pub trees: &'a Trees,
    pub stop: &'a Stop,
}

impl<'a> Site<'a> {
    /// The pod of that name; none if the topology has none, such as the client's.
    pub fn pod(&self, name: &str) -> Option<topology::Pod<'a>> {
        self.blueprint.topology.pods().find(|pod| pod.name() == name)
    }
}
