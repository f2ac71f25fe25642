use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::CONTENT_TYPE;
use hyper::http::{Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Stopping, stop};
use crate::endpoint::ScriptedPath;
use crate::in_flight::Flight;
use crate::instance::Instance;

/// Serves requests until either side ends the connection, or, once it is time to stop, until the present one is answered.
pub(super) async fn serve(stream: TcpStream, instance: Arc<Instance>, mut stopping: Stopping) {
    let answer = service_fn(|request| answer(Arc::clone(&instance), request));
    let mut connection = std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    // How a connection ends concerns its client: what came and what was answered is counted as it happens.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop(&mut stopping) => connection.as_mut().graceful_shutdown(),
    }
    connection.await.ok();
}

async fn answer(instance: Arc<Instance>, mut request: Request<Incoming>) -> Result<Response<AnswerBody>, hyper::Error> {
    let path = request.uri().path();
    if instance.ready.as_deref() == Some(path) {
        instance.tally.ready_probes.add(1);
        return Ok(instance.endpoint(path).map_or_else(|| Response::new(AnswerBody::empty()), ready));
    }
    let Some(endpoint) = instance.endpoint(path) else {
        instance.tally.unknown_paths.add(1);
        return Ok(with_status(StatusCode::NOT_FOUND, AnswerBody::empty()));
    };
    let flight = instance.in_flight.enter();
    while let Some(frame) = request.body_mut().frame().await {
        endpoint.received(frame?.data_ref().map_or(0, Bytes::len) as u64);
    }
    let outcome = endpoint.perform(request.headers(), &instance.tally).await;
    endpoint.sent(outcome.body.len() as u64);
    let status = if outcome.failed { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
    let after = After { instance: Arc::clone(&instance), background: outcome.background, flight };
    Ok(of(endpoint, with_status(status, AnswerBody { body: outcome.body, after: Some(after) })))
}

/// A probe's answer where an endpoint says what is in it.
fn ready(endpoint: &ScriptedPath) -> Response<AnswerBody> {
    of(endpoint, Response::new(AnswerBody { body: endpoint.body.clone(), after: None }))
}

/// The answer with what its endpoint says that it is.
fn of(endpoint: &ScriptedPath, mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    response.headers_mut().insert(CONTENT_TYPE, endpoint.content_type.clone());
    response
}

fn with_status(status: StatusCode, answer: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(answer);
    *response.status_mut() = status;
    response
}

/// The body of an answer. hyper drops it once it has taken all of it, just before it writes it out, or when the
/// connection breaks: then what comes after the answer begins.
struct AnswerBody {
    body: Bytes,
    after: Option<After>,
}

/// What is left of a request when its answer is sent.
struct After {
    instance: Arc<Instance>,
    background: Duration,
    flight: Flight,
}

impl AnswerBody {
    fn empty() -> Self {
        Self { body: Bytes::new(), after: None }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let body = std::mem::take(&mut self.body);
        Poll::Ready((!body.is_empty()).then(|| Ok(Frame::data(body))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.len() as u64)
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Some(After { instance, background, flight }) = self.after.take() {
            instance.finish(background, flight);
        }
    }
}
