use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::http::{self, Method, Request, Response, StatusCode};

use super::ask::{AskError, Asking};
use super::go::GoRuntime;
use super::{Agent, PATIENCE, RewrittenCheck};

/// How long an application may take to answer a probe.
const PROBE_PATIENCE: Duration = Duration::from_secs(3);
/// Most bytes of an application's answer that go back to the kubelet.
const BODY_MAX: usize = 10 * 1024;
const QUIT: &str = "/quitquitquit";

type Reply = Response<Full<Bytes>>;

/// Answers whoever asks from `peer`.
pub(super) async fn answer(agent: Arc<Agent>, peer: IpAddr, request: Request<Incoming>) -> Result<Reply, Infallible> {
    let path = request.uri().path();
    let probe = agent.pilot.probes.iter().find(|probe| probe.path == path);
    GoRuntime::spend(&agent.runtime, u32::from(probe.is_some()));
    Ok(match path {
        "/healthz/ready" if agent.is_ready().await => empty(StatusCode::OK),
        "/healthz/ready" => text(StatusCode::SERVICE_UNAVAILABLE, "Envoy is not ready\n"),
        "/stats/prometheus" => prometheus(agent.metrics().await),
        QUIT => agent.quit(peer, request.method()).await,
        _ => match probe {
            Some(probe) => agent.probe(probe, request.headers()).await,
            None => text(StatusCode::NOT_FOUND, "404 page not found\n"),
        },
    })
}

impl Agent {
    /// Asks the application in the kubelet's place; without an answer that is an error of the application's.
    async fn probe(&self, probe: &RewrittenCheck, headers: &HeaderMap) -> Reply {
        match self.ask_application(probe, headers).await {
            Ok(answer) => {
                let status = answer.status();
                with_status(status, answer.into_body())
            }
            Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Headers go on, but for those of one connection, and the name of the host.
    async fn ask_application(&self, probe: &RewrittenCheck, headers: &HeaderMap) -> Result<Response<Bytes>, AskError> {
        let to = SocketAddr::new(self.pilot.application, probe.port);
        let mut request = Request::get(&probe.target).body(())?;
        *request.headers_mut() = headers.clone();
        request.headers_mut().insert(HOST, HeaderValue::try_from(to.to_string()).map_err(http::Error::from)?);
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        let source = Some(self.pilot.source);
        Asking { source, to, patience: PROBE_PATIENCE, body_max: BODY_MAX }.ask(request).await
    }

    /// Ends Envoy and then the agent, for jobs whose pods are to end; only their own containers may ask.
    async fn quit(&self, peer: IpAddr, method: &Method) -> Reply {
        if !peer.is_loopback() {
            return text(StatusCode::FORBIDDEN, "Only requests from localhost are allowed\n");
        }
        if method != Method::POST {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let admin = self.pilot.admin;
        let asking = Asking { source: None, to: admin, patience: PATIENCE, body_max: BODY_MAX };
        let request = Request::post(QUIT).header(HOST, admin.to_string()).body(());
        if let Ok(request) = request {
            // An Envoy that does not answer has ended already.
            asking.ask(request).await.ok();
        }
        self.quitting.store(true, Relaxed);
        let mut answer = text(StatusCode::OK, "OK");
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        answer
    }
}

fn prometheus(metrics: Vec<u8>) -> Reply {
    let mut answer = with_status(StatusCode::OK, metrics.into());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    answer
}

fn text(status: StatusCode, text: &'static str) -> Reply {
    with_status(status, Bytes::from_static(text.as_bytes()))
}

fn empty(status: StatusCode) -> Reply {
    with_status(status, Bytes::new())
}

fn with_status(status: StatusCode, body: Bytes) -> Reply {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer
}
