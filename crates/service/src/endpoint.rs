use std::time::Duration;

use futures_util::future::join_all;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::http;
use tokio::task::block_in_place;
use topology::Protocol;

use crate::burn::burn;
use crate::counts::EndpointCount;
use crate::edge::{Caller, OutgoingCall};
use crate::line::{filler, line_of};
use crate::tally::{EndpointTally, PodTally};
use crate::wait::wait;

/// What a pod does when it is asked for a path.
#[derive(Debug)]
pub(crate) struct ScriptedPath {
    /// Path without query; empty for `tcp`.
    pub(crate) path: String,
    /// What its answers say that they are; `tcp` says nothing.
    pub(crate) content_type: HeaderValue,
    script: Vec<Act>,
    /// CPU time of all steps that come after the answer.
    background: Duration,
    /// What it answers.
    pub(crate) body: Bytes,
    error_rate: f64,
    tally: EndpointTally,
}

#[derive(Debug)]
enum Act {
    /// What keeps a thread busy, one after the other.
    Busy(Vec<Busy>),
    Calls(Vec<OutgoingCall>),
}

#[derive(Debug)]
enum Busy {
    Compute(Duration),
    Wait(Duration),
}

/// How a request ends.
#[derive(Debug)]
pub(crate) struct RequestEnd {
    /// One of the share of requests that fail.
    pub(crate) failed: bool,
    /// What to answer.
    pub(crate) body: Bytes,
    /// CPU time to burn once that is sent.
    pub(crate) background: Duration,
}

impl ScriptedPath {
    /// The endpoint with its edges ready to be used.
    pub(crate) fn new(
        endpoint: &topology::Endpoint,
        protocol: Protocol,
        caller: &mut Caller<'_>,
    ) -> Result<Self, http::Error> {
        let mut script = Vec::new();
        let mut later = Duration::ZERO;
        for step in &endpoint.script {
            match step {
                topology::Step::Compute { cpu, background: true } => later += *cpu,
                topology::Step::Compute { cpu, background: false } => add(&mut script, Busy::Compute(*cpu)),
                topology::Step::Wait(time) => add(&mut script, Busy::Wait(*time)),
                topology::Step::Calls(calls) => {
                    let edges = calls.iter().map(|call| caller.edge(call)).collect::<Result<_, _>>()?;
                    script.push(Act::Calls(edges));
                }
            }
        }
        let body = match protocol {
            Protocol::Http => filler(endpoint.response_bytes),
            Protocol::Tcp => line_of(endpoint.response_bytes),
        };
        Ok(Self {
            path: endpoint.path.clone(),
            content_type: HeaderValue::from_str(&endpoint.content_type).map_err(http::Error::from)?,
            script,
            background: later,
            body,
            error_rate: endpoint.error_rate,
            tally: EndpointTally::default(),
        })
    }

    /// Notes bytes of a request, as they arrive.
    pub(crate) fn received(&self, bytes: u64) {
        self.tally.received_bytes.add(bytes);
    }

    /// Notes bytes of an answer, as they are handed to the connection.
    pub(crate) fn sent(&self, bytes: u64) {
        self.tally.sent_bytes.add(bytes);
    }

    /// What was counted so far.
    pub(crate) fn count(&self) -> EndpointCount {
        self.tally.count(&self.path)
    }

    /// Counts a request that came with `headers` and performs the script for it, step by step.
    pub(crate) async fn perform(&self, headers: &HeaderMap, tally: &PodTally) -> RequestEnd {
        let failed = is_error(self.tally.requests.next(), self.error_rate);
        for step in &self.script {
            match step {
                // A worker that burned without further notice would keep everyone from the sockets if it happens to be
                // the one that watches them; `block_in_place` makes another thread watch them and works on this one.
                Act::Busy(works) => block_in_place(|| works.iter().for_each(|work| work.perform(tally))),
                Act::Calls(edges) => drop(join_all(edges.iter().map(|edge| edge.call(headers))).await),
            }
        }
        if failed {
            self.tally.errors.add(1);
        }
        RequestEnd { failed, body: self.body.clone(), background: self.background }
    }
}

impl Busy {
    fn perform(&self, tally: &PodTally) {
        match self {
            Busy::Compute(cpu) => tally.record_cpu(*cpu, burn(*cpu)),
            Busy::Wait(time) => tally.record_wait(*time, wait(*time)),
        }
    }
}

/// Adds work to the script. What follows upon other work shares its thread: handing a thread over has a price, and a
/// script with one more step must cost that step and nothing else.
fn add(script: &mut Vec<Act>, work: Busy) {
    match script.last_mut() {
        Some(Act::Busy(works)) => works.push(work),
        _ => script.push(Act::Busy(vec![work])),
    }
}

/// Whether request `number` (from 0) is one of those that fail: errors are spread evenly, so that among any first n
/// requests there are n times `rate` of them, rounded down. Unlike drawn ones they are the same in every arm and block,
/// and so add nothing to the noise of the comparison.
fn is_error(number: u64, rate: f64) -> bool {
    let errors_within = |requests: u64| (requests as f64 * rate).floor();
    errors_within(number + 1) > errors_within(number)
}

#[cfg(test)]
mod tests;
