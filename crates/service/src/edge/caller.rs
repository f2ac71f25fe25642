use std::sync::Arc;

use hyper::http;
use topology::{Call, Protocol, Service, Topology};

use super::http::HttpCaller;
use super::line::LinePeer;
use super::{OutgoingCall, Route};
use crate::counts::CallCount;
use crate::network::Resolver;
use crate::tally::CallTally;

/// Makes a service's edges and knows them all. Edges to one path of one service count together, and edges to one
/// service share its connections.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    topology: &'a Topology,
    http: Arc<HttpCaller>,
    service: &'a Service,
    resolver: Resolver,
    peers: Vec<Arc<LinePeer>>,
    tallies: Tallies,
}

/// Every service and path that the pod calls, with what was counted.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Vec<(String, String, Arc<CallTally>)>);

impl<'a> Caller<'a> {
    /// Nothing is connected yet.
    pub(crate) fn new(service: &'a Service, topology: &'a Topology, resolver: Resolver) -> Result<Self, http::Error> {
        let http = Arc::new(HttpCaller::new(service, resolver.clone())?);
        Ok(Self { topology, http, service, resolver, peers: Vec::new(), tallies: Tallies::default() })
    }

    /// The edge for a call of a script.
    pub(crate) fn edge(&mut self, call: &Call) -> Result<OutgoingCall, http::Error> {
        let callee = self.topology.service(&call.service).expect("a topology's calls name services that exist");
        let route = match callee.protocol {
            Protocol::Http => Route::Http(Arc::clone(&self.http).route(callee, call)?),
            Protocol::Tcp => Route::Line(self.peer(callee).route(call)),
        };
        let tally = self.tallies.of(call);
        Ok(OutgoingCall { route, timeout: call.timeout, retries: call.retries, tally })
    }

    /// What the edges made so far count.
    pub(crate) fn into_tallies(self) -> Tallies {
        self.tallies
    }

    fn peer(&mut self, callee: &Service) -> Arc<LinePeer> {
        if let Some(peer) = self.peers.iter().find(|peer| peer.is(&callee.name)) {
            return Arc::clone(peer);
        }
        let peer = Arc::new(LinePeer::new(callee, self.service.connections, self.resolver.clone()));
        self.peers.push(Arc::clone(&peer));
        peer
    }
}

impl Tallies {
    /// The counts of now, in the order in which the scripts name the calls.
    pub(crate) fn counts(&self) -> Vec<CallCount> {
        self.0.iter().map(|(service, path, tally)| tally.count(service, path)).collect()
    }

    fn of(&mut self, call: &Call) -> Arc<CallTally> {
        let known = self.0.iter().find(|(service, path, _)| (service, path) == (&call.service, &call.path));
        if let Some((.., tally)) = known {
            return Arc::clone(tally);
        }
        let tally = Arc::<CallTally>::default();
        self.0.push((call.service.clone(), call.path.clone(), Arc::clone(&tally)));
        tally
    }
}
