use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::http;
use topology::{Pod, Protocol, Topology};

use crate::background::Background;
use crate::counts::Counts;
use crate::edge::{Caller, Tallies};
use crate::endpoint::ScriptedPath;
use crate::in_flight::{Flight, InFlight};
use crate::network::Resolver;
use crate::tally::PodTally;

/// The pod at work: what it can be asked, and what it has counted.
#[derive(Debug)]
pub(crate) struct Instance {
    name: String,
    /// What its port speaks.
    pub(crate) protocol: Protocol,
    /// Path that tells that it is ready.
    pub(crate) ready: Option<String>,
    endpoints: Vec<ScriptedPath>,
    calls: Tallies,
    background: Background,
    /// What is counted for the whole pod.
    pub(crate) tally: Arc<PodTally>,
    /// Requests that are being worked on.
    pub(crate) in_flight: InFlight,
}

/// Why a pod cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    #[error(transparent)]
    Http(#[from] http::Error),
    #[error(transparent)]
    Thread(#[from] io::Error),
}

impl Instance {
    /// The instance of a simulated pod with the given endpoints.
    pub(crate) fn new(
        pod: Pod<'_>,
        endpoints: &[topology::Endpoint],
        topology: &Topology,
        resolver: Resolver,
    ) -> Result<Self, MakeError> {
        let protocol = pod.service.protocol;
        let mut caller = Caller::new(pod.service, topology, resolver)?;
        let endpoints = endpoints
            .iter()
            .map(|endpoint| ScriptedPath::new(endpoint, protocol, &mut caller))
            .collect::<Result<_, _>>()?;
        let tally = Arc::<PodTally>::default();
        Ok(Self {
            name: pod.name(),
            protocol,
            ready: pod.service.ready.clone(),
            endpoints,
            calls: caller.into_tallies(),
            background: Background::start(Arc::clone(&tally))?,
            tally,
            in_flight: InFlight::default(),
        })
    }

    /// The endpoint of exactly that path.
    pub(crate) fn endpoint(&self, path: &str) -> Option<&ScriptedPath> {
        self.endpoints.iter().find(|endpoint| endpoint.path == path)
    }

    /// Ends a request whose answer is sent: burns what is left to burn for it, and then lands its flight.
    pub(crate) fn finish(&self, background: Duration, flight: Flight) {
        self.background.burn(background, flight);
    }

    /// What was counted so far.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            pod: self.name.clone(),
            endpoints: self.endpoints.iter().map(ScriptedPath::count).collect(),
            calls: self.calls.counts(),
            wait_excess: self.tally.wait_excess.encode(),
            waited_ns: self.tally.waited_ns.read(),
            cpu_asked_ns: self.tally.cpu_asked_ns.read(),
            cpu_burned_ns: self.tally.cpu_burned_ns.read(),
            ready_probes: self.tally.ready_probes.read(),
            unknown_paths: self.tally.unknown_paths.read(),
            accept_failures: self.tally.accept_failures.read(),
            in_flight: self.in_flight.count(),
        }
    }
}
