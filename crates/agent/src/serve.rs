//! The endpoint that Prometheus scrapes.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::http::{Method, Request, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use probe::{Drops, Probe, ProbeError, Udp};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::export::{Cost, Reading, families};
use crate::metric::{Exposition, exposition};
use crate::who::Namer;

/// How long a scraper may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a stop is looked for.
const GLANCE: Duration = Duration::from_millis(100);

/// Why metrics cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The runtime cannot be had.
    #[error("cannot start the runtime")]
    Start(#[source] io::Error),
}

/// What the agent asks at each scrape.
#[derive(Debug)]
pub struct Witnesses {
    /// Who sees TCP.
    pub tcp: Probe,
    /// Who sees packets dropped.
    pub drops: Option<Drops>,
    /// Who sees datagrams.
    pub udp: Option<Udp>,
}

/// Serves `/metrics` and `/healthz` on `address` until `is_over`; `ready` is told where it really listens. Every scrape
/// reads the kernel's counters anew; between scrapes nothing runs.
///
/// # Errors
///
/// Before it is ready only.
pub fn serve(
    witnesses: Witnesses,
    address: SocketAddr,
    ready: impl FnOnce(SocketAddr),
    is_over: impl Fn() -> bool,
) -> Result<(), ServeError> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(ServeError::Start)?;
    let exporter = Rc::new(Exporter { witnesses, root: PathBuf::from("/") });
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
        ready(listener.local_addr().unwrap_or(address));
        let accepting = async {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => drop(tokio::task::spawn_local(answer_all(stream, Rc::clone(&exporter)))),
                    // For lack of descriptors, which only time cures.
                    Err(_) => tokio::time::sleep(GLANCE).await,
                }
            }
        };
        let mut accepting = pin!(accepting);
        while !is_over() {
            tokio::select! {
                () = &mut accepting => {}
                () = tokio::time::sleep(GLANCE) => {}
            }
        }
        Ok(())
    })
}

async fn answer_all(stream: TcpStream, exporter: Rc<Exporter>) {
    let answer = service_fn(|request| {
        let answer = exporter.answer(&request);
        async { Ok::<_, Infallible>(answer) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // How a scraper's connection ends is its own affair.
    builder.serve_connection(TokioIo::new(stream), answer).await.ok();
}

#[derive(Debug)]
struct Exporter {
    witnesses: Witnesses,
    root: PathBuf,
}

impl Exporter {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/metrics") => {
                let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
                self.scrape(Exposition::negotiated(accept))
            }
            (&Method::GET, "/healthz") => plain(StatusCode::OK, "ok\n".to_owned()),
            (&Method::GET, "/") => plain(StatusCode::OK, "metrics are at /metrics\n".to_owned()),
            (&Method::GET, _) => plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned()),
            _ => plain(StatusCode::METHOD_NOT_ALLOWED, "ask with GET\n".to_owned()),
        }
    }

    fn scrape(&self, form: Exposition) -> Response<Full<Bytes>> {
        match self.read() {
            Ok(reading) => {
                let text = exposition(&families(&reading, &mut Namer::new(&self.root)), form);
                let mut response = plain(StatusCode::OK, text);
                let kind = form.content_type().parse().expect("it is a header's value");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }

    fn read(&self) -> Result<Reading, ProbeError> {
        let started = Instant::now();
        let Witnesses { tcp, drops, udp } = &self.witnesses;
        let series = tcp.series()?;
        let connections = tcp.connections()?;
        let losses = tcp.losses()?;
        let drops = drops.as_ref().map(|drops| Ok((drops.series()?, drops.losses()?))).transpose()?;
        let udp = udp.as_ref().map(|udp| Ok((udp.series()?, udp.losses()?))).transpose()?;
        let cost = Cost { reading_s: started.elapsed().as_secs_f64(), ..own_cost() };
        Ok(Reading { series, connections, losses, drops, udp, cost })
    }
}

/// CPU time and memory of this process; 0 where /proc does not tell.
fn own_cost() -> Cost {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).ok();
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let cpu_s = usage.map_or(0.0, |usage| seconds(usage.user_time()) + seconds(usage.system_time()));
    let memory_bytes = resident().unwrap_or_default();
    Cost { cpu_s, memory_bytes, reading_s: 0.0 }
}

fn resident() -> Option<u64> {
    let pages: u64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    Some(pages * u64::try_from(size).ok()?)
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
