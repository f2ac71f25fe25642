//! A node's kubelet, as far as it asks pods for their health: each time over a connection of its own, from the node's
//! address.

use std::io::{self, BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::join_all;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper::http::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

/// As Istio's injector sets `timeoutSeconds`.
const PATIENCE: Duration = Duration::from_secs(3);
/// How a kubelet of Kubernetes 1.34 presents itself.
const KUBE_PROBE: &str = "kube-probe/1.34";

/// A probe of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Name of the pod.
    pub pod: String,
    /// Address of the pod.
    pub address: Ipv4Addr,
    /// Port that is asked.
    pub port: u16,
    /// Path that is asked for.
    pub path: String,
    /// Time between two, in milliseconds.
    pub period_ms: u64,
}

/// How often a kubelet has asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecksMade {
    /// Probes that have ended.
    pub asked: u64,
    /// Probes without an answer, or with a status other than 200 to 399.
    pub failed: u64,
}

/// The counts of a kubelet at work.
#[derive(Debug, Default)]
struct CheckCounts {
    asked: AtomicU64,
    failed: AtomicU64,
}

/// Makes `probes`, each in its period, the first ones spread over it, until `orders` ends (after the order `keep`: for
/// ever). Writes `{"ready":true}` to `answers` first. Obeys, one a line:
///
/// - `probe`: makes every probe at once and answers with the [`ChecksMade`] of these;
/// - `counts`: answers with the [`ChecksMade`] of all since the start.
pub fn serve_probes(
    probes: Vec<HealthCheck>,
    orders: impl BufRead + Send + 'static,
    answers: impl Write,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        for line in orders.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    runtime.block_on(serve(probes, receiver, answers))
}

async fn serve(
    probes: Vec<HealthCheck>,
    mut orders: UnboundedReceiver<String>,
    mut answers: impl Write,
) -> io::Result<()> {
    let counts = Arc::<CheckCounts>::default();
    for (number, probe) in (1..).zip(&probes) {
        let first = Duration::from_millis(probe.period_ms) * number / u32::try_from(probes.len()).unwrap_or(u32::MAX);
        tokio::spawn(repeat(probe.clone(), first, Arc::clone(&counts)));
    }
    say(&mut answers, &serde_json::json!({ "ready": true }))?;
    let mut keep = false;
    while let Some(order) = orders.recv().await {
        match order.trim() {
            "probe" => {
                let these = &CheckCounts::default();
                join_all(probes.iter().map(async |probe| these.add(probe.make().await))).await;
                counts.add_all(these.read());
                say(&mut answers, &these.read())?;
            }
            "counts" => say(&mut answers, &counts.read())?,
            "keep" => keep = true,
            other => say(&mut answers, &serde_json::json!({ "error": format!("unknown order `{other}`") }))?,
        }
    }
    if keep { std::future::pending().await } else { Ok(()) }
}

async fn repeat(probe: HealthCheck, first: Duration, counts: Arc<CheckCounts>) {
    let mut ticks = interval_at(Instant::now() + first, Duration::from_millis(probe.period_ms.max(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        counts.add(probe.make().await);
    }
}

fn say(answers: &mut impl Write, answer: &impl Serialize) -> io::Result<()> {
    writeln!(answers, "{}", serde_json::to_string(answer)?)?;
    answers.flush()
}

impl HealthCheck {
    /// Whether the pod says that it is well.
    async fn make(&self) -> bool {
        let status = timeout(PATIENCE, self.ask()).await;
        matches!(status, Ok(Ok(status)) if status.is_success() || status.is_redirection())
    }

    /// What a kubelet sends, byte for byte, and the status of the answer, which is read to its end.
    async fn ask(&self) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
        let address = SocketAddr::from((self.address, self.port));
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) =
            http1::Builder::new().title_case_headers(true).handshake(TokioIo::new(stream)).await?;
        let request = Request::get(&self.path)
            .header(HOST, address.to_string())
            .header(USER_AGENT, KUBE_PROBE)
            .header(ACCEPT, "*/*")
            .header(CONNECTION, "close")
            .body(Empty::<Bytes>::new())?;
        let answer = async move {
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            answer.into_body().collect().await?;
            Ok::<_, hyper::Error>(status)
        };
        // Together, so that the connection is closed once this returns.
        let (answer, _) = tokio::join!(answer, connection);
        Ok(answer?)
    }
}

impl CheckCounts {
    fn add(&self, is_well: bool) {
        self.add_all(ChecksMade { asked: 1, failed: u64::from(!is_well) });
    }

    fn add_all(&self, probed: ChecksMade) {
        self.asked.fetch_add(probed.asked, Relaxed);
        self.failed.fetch_add(probed.failed, Relaxed);
    }

    fn read(&self) -> ChecksMade {
        ChecksMade { asked: self.asked.load(Relaxed), failed: self.failed.load(Relaxed) }
    }
}

impl ChecksMade {
    /// What came since `earlier`.
    pub fn since(self, earlier: ChecksMade) -> ChecksMade {
        ChecksMade { asked: self.asked - earlier.asked, failed: self.failed - earlier.failed }
    }
}

#[cfg(test)]
mod tests;
