use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::http;
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::timeout;
use topology::{Topology, Work};

use crate::ballast::ballast;
use crate::instance::{Instance, MakeError};
use crate::listen::listen;
use crate::network::PodNetwork;
use crate::order::{ServiceOrder, receive};

/// Threads that serve.
const WORKERS: usize = 2;

/// Most threads that burn, wait or look up names at the same time; they exist only while there is use for them.
const BLOCKING_THREADS_MAX: usize = 4096;

/// Most time for requests in flight to end once it is time to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Why a pod could not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The topology has no pod of that name.
    #[error("the topology has no pod `{pod}`")]
    UnknownPod {
        /// The name asked for.
        pod: String,
    },
    /// The pod runs a program of the user's.
    #[error("pod `{pod}` runs a command, not a script")]
    Command {
        /// Name of the pod.
        pod: String,
    },
    /// A path or the name of a header cannot be written in HTTP.
    #[error("the script of pod `{pod}` cannot be said in HTTP")]
    Http {
        /// Name of the pod.
        pod: String,
        /// What is wrong.
        source: http::Error,
    },
    /// The port cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Threads or the signal handler cannot be had.
    #[error("cannot start the runtime")]
    Start(#[source] io::Error),
    /// Nobody takes the answers to the orders.
    #[error("cannot answer an order")]
    Answer(#[source] io::Error),
}

/// Performs the scripts of the pod called `pod` of `topology` on the pod's port, on all addresses, until told to end.
///
/// Says `{"ready":true}` in `answers` once it listens and holds its memory. Then obeys `orders`, one a line:
///
/// - `counts`: answers with [`Counts`](crate::Counts), as one line of JSON;
/// - `deaf`: ends the connections that it serves as they fall idle and accepts no more, with room for one to wait, until
///   `hear`; either answers `{"deaf":…}`;
/// - `settle`: answers `{"settled":true}` once no request is in flight and no background work is left;
/// - `keep`: from now on the end of the orders means nothing; no answer.
///
/// Anything else is answered by `{"error":"…"}`. At the end of the orders, or on SIGTERM, it stops accepting, finishes
/// what is in flight within five seconds, and returns.
///
/// # Errors
///
/// All before it is ready, but for [`ServeError::Answer`].
pub fn serve(
    pod: &str,
    topology: &Topology,
    orders: impl BufRead + Send + 'static,
    answers: impl Write + Send + 'static,
) -> Result<(), ServeError> {
    Server { pod, topology, network: PodNetwork::default() }.serve(orders, answers)
}

/// A pod, and the network in which it stands.
pub(crate) struct Server<'a> {
    pub(crate) pod: &'a str,
    pub(crate) topology: &'a Topology,
    pub(crate) network: PodNetwork,
}

impl Server<'_> {
    /// See [`serve`].
    pub(crate) fn serve(
        self,
        orders: impl BufRead + Send + 'static,
        answers: impl Write + Send + 'static,
    ) -> Result<(), ServeError> {
        let unknown = || ServeError::UnknownPod { pod: self.pod.to_owned() };
        let pod = self.topology.pods().find(|pod| pod.name() == self.pod).ok_or_else(unknown)?;
        let Work::Simulated { memory_bytes, endpoints } = &pod.version.work else {
            return Err(ServeError::Command { pod: self.pod.to_owned() });
        };
        let memory = ballast(*memory_bytes);
        let address = SocketAddr::new(self.network.address, pod.service.port);
        let made = Instance::new(pod, endpoints, self.topology, self.network.resolver);
        let instance = Arc::new(made.map_err(|error| match error {
            MakeError::Http(source) => ServeError::Http { pod: self.pod.to_owned(), source },
            MakeError::Thread(source) => ServeError::Start(source),
        })?);
        let orders = receive(orders).map_err(ServeError::Start)?;
        let mut runtime = Builder::new_multi_thread();
        runtime.worker_threads(WORKERS).max_blocking_threads(BLOCKING_THREADS_MAX).enable_all();
        let runtime = runtime.build().map_err(ServeError::Start)?;
        let end = runtime.block_on(run(address, instance, orders, answers));
        // Whatever is not done by now, such as a look-up of a name, is not waited for.
        runtime.shutdown_background();
        drop(memory);
        end
    }
}

async fn run(
    address: SocketAddr,
    instance: Arc<Instance>,
    orders: UnboundedReceiver<ServiceOrder>,
    mut answers: impl Write,
) -> Result<(), ServeError> {
    let mut sigterm = signal(SignalKind::terminate()).map_err(ServeError::Start)?;
    let listener = TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
    let (stop, stopping) = watch::channel(false);
    let (deafness, deaf) = watch::channel(false);
    tokio::spawn(listen(listener, Arc::clone(&instance), stopping, deaf));
    let end = tokio::select! {
        end = obey(orders, &instance, &deafness, &mut answers) => end,
        _ = sigterm.recv() => Ok(()),
    };
    stop.send_replace(true);
    let drained = async {
        // Every connection holds a receiver until it is over.
        stop.closed().await;
        instance.in_flight.idle().await;
    };
    timeout(DRAIN, drained).await.ok();
    end.map_err(ServeError::Answer)
}

/// Obeys orders until they end, and then stays for good if it was told to keep.
async fn obey(
    mut orders: UnboundedReceiver<ServiceOrder>,
    instance: &Instance,
    deafness: &watch::Sender<bool>,
    answers: &mut impl Write,
) -> io::Result<()> {
    let mut keep = false;
    say(answers, &json!({ "ready": true }))?;
    while let Some(order) = orders.recv().await {
        match order {
            ServiceOrder::Counts => say(answers, &instance.counts())?,
            ServiceOrder::Settle => {
                instance.in_flight.idle().await;
                say(answers, &json!({ "settled": true }))?;
            }
            ServiceOrder::Deaf(deaf) => {
                deafness.send_replace(deaf);
                say(answers, &json!({ "deaf": deaf }))?;
            }
            ServiceOrder::Keep => keep = true,
            ServiceOrder::Unknown(order) => say(answers, &json!({ "error": format!("unknown order `{order}`") }))?,
        }
    }
    if keep { std::future::pending().await } else { Ok(()) }
}

/// Writes one line and makes sure that it leaves.
pub(crate) fn say(answers: &mut impl Write, answer: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    answers.write_all(&line)?;
    answers.flush()
}
