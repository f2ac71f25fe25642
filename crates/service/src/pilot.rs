//! The agent beside Envoy, as `pilot-agent` is in Istio: it says whether the sidecar is ready, asks the application in the
//! kubelet's place, and merges metrics.
//!
//! It neither fetches configuration nor renews certificates, and does not start Envoy. Of its memory 1 MiB is its own, and a
//! probe takes it a third of what it takes the real one, which is written in Go and does all of that too. So it holds memory
//! and burns CPU time to take as much; both are told in reports.

mod answer;
mod ask;
mod go;
mod scrapes;

use std::io::{BufRead, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use hyper::http::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::ServeError;
use crate::ballast::ballast;
use crate::order::{ServiceOrder, receive};
use crate::serve::say;
use answer::answer;
use ask::{AskError, Asking};
use go::GoRuntime;
use scrapes::Scrapes;

pub use go::spent_for_probe;

/// What pilot-agent asks Envoy for to know whether it is ready.
const READINESS: &str = "/stats?usedonly&filter=^(server\\.state|listener_manager\\.workers_started)";
/// How long Envoy may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an application may take to tell its metrics: Prometheus's own default.
const SCRAPE_PATIENCE: Duration = Duration::from_secs(10);
/// Pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// An agent, and what is around it.
#[derive(Clone, Debug)]
pub struct Pilot {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Envoy's admin interface.
    pub admin: SocketAddr,
    /// Envoy's own metrics, under `/stats/prometheus`.
    pub metrics: SocketAddr,
    /// Source of the probes that it makes, which the redirect rules let through.
    pub source: IpAddr,
    /// Where the application listens: the pod's address.
    pub application: IpAddr,
    /// Where the application tells metrics of its own, if it does.
    pub application_metrics: Option<AppMetrics>,
    /// Probes that it makes in the kubelet's place.
    pub probes: Vec<RewrittenCheck>,
    /// User and group to become once started; the program's file need not be readable to them. None: stays.
    pub user: Option<u32>,
    /// Memory that it holds to take what Istio's takes.
    pub hold_bytes: u64,
}

/// A probe of the application, made by the agent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RewrittenCheck {
    /// Path that the agent is asked for.
    pub path: String,
    /// Port of the application.
    pub port: u16,
    /// Path that the application is asked for.
    pub target: String,
}

/// Where an application tells metrics in Prometheus's text format.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AppMetrics {
    /// Address and port.
    pub at: SocketAddr,
    /// Path that is asked for there.
    pub path: String,
}

/// An agent at work.
#[derive(Debug)]
struct Agent {
    pilot: Pilot,
    started: Instant,
    was_ready: AtomicBool,
    scrapes: Scrapes,
    runtime: Mutex<GoRuntime>,
    quitting: AtomicBool,
    quit: Notify,
}

impl Pilot {
    /// Serves until `orders` ends (after the order `keep`: for ever) or it is told to quit over HTTP. Says
    /// `{"ready":true}` in `answers` once it listens.
    ///
    /// # Errors
    ///
    /// It cannot listen or become its user, or nobody takes its answer.
    pub fn serve(
        self,
        orders: impl BufRead + Send + 'static,
        answers: impl Write + Send + 'static,
    ) -> Result<(), ServeError> {
        if let Some(user) = self.user {
            become_user(user).map_err(|error| ServeError::Start(error.into()))?;
        }
        let orders = receive(orders).map_err(ServeError::Start)?;
        // One thread is enough for a few requests a second, and takes the least memory.
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ServeError::Start)?;
        let held = ballast(self.hold_bytes);
        let end = runtime.block_on(run(Agent::of(self), orders, answers));
        drop(held);
        runtime.shutdown_background();
        end
    }
}

fn become_user(user: u32) -> nix::Result<()> {
    setgroups(&[])?;
    setgid(Gid::from_raw(user))?;
    setuid(Uid::from_raw(user))
}

async fn run(
    agent: Arc<Agent>,
    orders: UnboundedReceiver<ServiceOrder>,
    mut answers: impl Write,
) -> Result<(), ServeError> {
    let address = agent.pilot.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
    say(&mut answers, &serde_json::json!({ "ready": true })).map_err(ServeError::Answer)?;
    tokio::select! {
        () = listen(listener, &agent) => {}
        () = end_of(orders) => {}
        () = agent.quit.notified() => {}
    }
    Ok(())
}

async fn listen(listener: TcpListener, agent: &Arc<Agent>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => drop(tokio::spawn(serve(stream, peer.ip(), Arc::clone(agent)))),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve(stream: TcpStream, peer: IpAddr, agent: Arc<Agent>) {
    stream.set_nodelay(true).ok();
    let service = service_fn(|request| answer(Arc::clone(&agent), peer, request));
    // How a connection ends concerns its client.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
    // Not before whoever told it to quit has the answer.
    if agent.quitting.load(Relaxed) {
        agent.quit.notify_one();
    }
}

/// Waits for the end of the orders; once one of them was `keep`, for ever.
async fn end_of(mut orders: UnboundedReceiver<ServiceOrder>) {
    let mut keep = false;
    while let Some(order) = orders.recv().await {
        keep |= order == ServiceOrder::Keep;
    }
    if keep {
        std::future::pending::<()>().await;
    }
}

impl Agent {
    fn of(pilot: Pilot) -> Arc<Agent> {
        Arc::new(Agent {
            pilot,
            started: Instant::now(),
            was_ready: AtomicBool::new(false),
            scrapes: Scrapes::default(),
            runtime: Mutex::default(),
            quitting: AtomicBool::new(false),
            quit: Notify::new(),
        })
    }

    /// Whether Envoy is ready; once it was, that is not asked again.
    async fn is_ready(&self) -> bool {
        if self.was_ready.load(Relaxed) {
            return true;
        }
        let ready = scrape(self.pilot.admin, READINESS, PATIENCE).await.is_ok_and(|body| says_ready(&body));
        if ready && !self.was_ready.swap(true, Relaxed) {
            self.scrapes.started_after(self.started.elapsed());
        }
        ready
    }

    /// Everything that there is to scrape: the agent's own metrics, Envoy's and the application's, in pilot-agent's order.
    async fn metrics(&self) -> Vec<u8> {
        let envoy = scrape(self.pilot.metrics, "/stats/prometheus", PATIENCE).await;
        let application = match &self.pilot.application_metrics {
            Some(metrics) => scrape(metrics.at, &metrics.path, SCRAPE_PATIENCE).await,
            None => Ok(Bytes::new()),
        };
        self.scrapes.count(envoy.is_ok(), application.is_ok());
        let mut text = self.scrapes.text().into_bytes();
        // The application's come last: in the newer format they end with a line that nothing may follow.
        [envoy, application].into_iter().flatten().for_each(|metrics| text.extend(metrics));
        text
    }
}

/// The body of what `at` answers, if it is well.
async fn scrape(at: SocketAddr, path: &str, patience: Duration) -> Result<Bytes, AskError> {
    let request = Request::get(path).header("host", at.to_string()).body(())?;
    let asking = Asking { source: None, to: at, patience, body_max: usize::MAX };
    let response = asking.ask(request).await?;
    if response.status().is_success() { Ok(response.into_body()) } else { Err(AskError::Status(response.status())) }
}

/// The server is live (0) and its workers have started.
fn says_ready(stats: &[u8]) -> bool {
    let stats = String::from_utf8_lossy(stats);
    let has = |line: &str| stats.lines().any(|known| known.trim() == line);
    has("server.state: 0") && has("listener_manager.workers_started: 1")
}

#[cfg(test)]
mod tests;
