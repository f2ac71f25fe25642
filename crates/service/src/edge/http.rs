use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::{self, Method, Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use topology::{Call, Connections, Service};

use super::AttemptError;
use crate::line::filler;
use crate::network::Resolver;
use crate::tally::CallTally;

/// What calls to `http` services have in common: connections, and the headers that are passed on.
#[derive(Debug)]
pub(super) struct HttpCaller {
    client: Client<HttpConnector<Resolver>, Full<Bytes>>,
    propagate: Vec<HeaderName>,
}

/// A call to a path of an `http` service.
#[derive(Debug)]
pub(super) struct HttpRoute {
    caller: Arc<HttpCaller>,
    uri: Uri,
    body: Bytes,
}

impl HttpCaller {
    pub(super) fn new(service: &Service, resolver: Resolver) -> Result<Self, http::Error> {
        let mut connector = HttpConnector::new_with_resolver(resolver);
        connector.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        if service.connections == Connections::New {
            builder.pool_max_idle_per_host(0);
        }
        let propagate = service.propagate.iter().map(|name| Ok(name.parse()?)).collect::<Result<_, http::Error>>()?;
        Ok(Self { client: builder.build(connector), propagate })
    }

    pub(super) fn route(self: Arc<Self>, callee: &Service, call: &Call) -> Result<HttpRoute, http::Error> {
        let authority = format!("{}:{}", callee.name, callee.port);
        let uri = Uri::builder().scheme("http").authority(authority).path_and_query(&*call.path).build()?;
        Ok(HttpRoute { caller: self, uri, body: filler(call.request_bytes) })
    }
}

impl HttpRoute {
    /// Asks once and reads the whole answer; one whose status is neither 2xx nor 3xx is a failure.
    pub(super) async fn ask(&self, incoming: &HeaderMap, tally: &CallTally) -> Result<(), AttemptError> {
        tally.sent_bytes.add(self.body.len() as u64);
        let response = self.caller.client.request(self.request(incoming)).await?;
        let status = response.status();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            tally.received_bytes.add(frame?.data_ref().map_or(0, Bytes::len) as u64);
        }
        if status.is_success() || status.is_redirection() { Ok(()) } else { Err(AttemptError::Status(status)) }
    }

    fn request(&self, incoming: &HeaderMap) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = if self.body.is_empty() { Method::GET } else { Method::POST };
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        // What any client says of itself; a propagated header has precedence.
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("meshtax/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        for name in self.caller.propagate.iter().filter(|name| incoming.contains_key(*name)) {
            headers.remove(name);
            for value in incoming.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        request
    }
}
