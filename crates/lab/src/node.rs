use std::path::PathBuf;
use std::time::{Duration, Instant};

use plane::{Plane, Sidecar};
use topology::CLIENT;

use crate::error::LabError;
use crate::namespace::NetNs;
use crate::pod::{Ending, Pod};
use crate::process::Process;
use crate::stop::Stop;
use crate::trees::Trees;

/// One arm, standing: a network of its own with every pod of the topology and the client's.
#[derive(Debug)]
pub struct Node {
    pub(crate) name: String,
    pub(crate) plane: Plane,
    pub(crate) gateway: Option<Sidecar>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) dns: Process,
    pub(crate) kubelet: Option<Process>,
    pub(crate) netns: NetNs,
    /// Relative path of the control group that its own programs have theirs in.
    pub(crate) group: PathBuf,
    pub(crate) trees: Trees,
}

impl Node {
    /// Name of the arm.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands between its pods.
    pub fn plane(&self) -> &Plane {
        &self.plane
    }

    /// Proxies of the node: the pod of each, and its options.
    pub fn proxies(&self) -> impl Iterator<Item = (&Pod, &Sidecar)> {
        let of_pod = |pod| if Pod::name(pod) == plane::GATEWAY { self.gateway.as_ref() } else { self.plane.sidecar() };
        self.pods.iter().filter(|pod| pod.has("proxy")).filter_map(move |pod| Some((pod, of_pod(pod)?)))
    }

    /// The pods of the topology, in its order, then the client's, then a gateway's.
    pub fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// The pods, to give orders to their containers.
    pub fn pods_mut(&mut self) -> &mut [Pod] {
        &mut self.pods
    }

    /// The pod of that name.
    pub fn pod_mut(&mut self, name: &str) -> Option<&mut Pod> {
        self.pods.iter_mut().find(|pod| pod.name() == name)
    }

    /// The server of its names.
    pub fn dns(&self) -> &Process {
        &self.dns
    }

    /// The server of its names, to give it orders.
    pub(crate) fn dns_mut(&mut self) -> &mut Process {
        &mut self.dns
    }

    /// The load generator, in the client's pod.
    pub fn client(&mut self) -> &mut Process {
        let pod = self.pod_mut(CLIENT).expect("every node has a client pod");
        pod.container("app").expect("the client pod runs the load generator")
    }

    /// Gives the load generator an order and waits for its answer; an error at once if any of the arm's programs ends
    /// meanwhile.
    pub fn ask_client(&mut self, order: &str, patience: Duration, stop: &Stop) -> Result<String, LabError> {
        self.client().order(order)?;
        let deadline = Instant::now() + patience;
        loop {
            if let Some(line) = self.client().glance(deadline, patience)? {
                return Ok(line);
            }
            stop.check()?;
            self.look_after()?;
        }
    }

    /// What asks its pods for their health, if anything does.
    pub fn kubelet(&mut self) -> Option<&mut Process> {
        self.kubelet.as_mut()
    }

    /// Programs of the node itself, each with the relative path of its control group: `dns`, and `kubelet` where pods are
    /// probed.
    pub fn groups(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        let kubelet = self.kubelet.iter().map(|_| "kubelet");
        std::iter::once("dns").chain(kubelet).map(|name| (name, self.group.join(name)))
    }

    /// Cuts the logs of its pods where they grow for ever, and starts again what has ended and is meant to.
    ///
    /// # Errors
    ///
    /// The first of its programs that has ended and does not start again.
    pub fn tend(&mut self) -> Result<(), LabError> {
        self.pods.iter().try_for_each(Pod::trim_logs)?;
        self.look_after()
    }

    /// Containers that have ended since the last call and start again, each with the name of its pod.
    pub fn take_endings(&mut self) -> Vec<(String, Ending)> {
        let of_pod = |pod: &mut Pod| {
            let name = pod.name().to_owned();
            pod.take_endings().into_iter().map(move |ending| (name.clone(), ending)).collect::<Vec<_>>()
        };
        self.pods.iter_mut().flat_map(of_pod).collect()
    }

    fn look_after(&mut self) -> Result<(), LabError> {
        self.dns.check_alive()?;
        self.kubelet.iter_mut().try_for_each(Process::check_alive)?;
        self.pods.iter_mut().try_for_each(|pod| pod.look_after(&self.trees))
    }

    pub(crate) fn let_go(self) -> Result<(), LabError> {
        self.dns.let_go()?;
        self.kubelet.into_iter().try_for_each(Process::let_go)?;
        self.pods.into_iter().try_for_each(Pod::let_go)
    }
}
