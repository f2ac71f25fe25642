//! Accepts connections and serves what is asked on them.

mod http;
mod line;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use topology::Protocol;

use crate::instance::Instance;

/// Pause after a connection could not be accepted: the usual reason is a lack of file descriptors, which only time cures.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// What every connection holds: true asks it to finish, and it is over once all holders have dropped it.
pub(crate) type Stopping = watch::Receiver<bool>;

/// Serves connections until it is asked to stop. Those that are open then finish by themselves, each with its own copy
/// of `stopping`.
pub(crate) async fn listen(listener: TcpListener, instance: Arc<Instance>, mut stopping: Stopping) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop(&mut stopping) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Arc::clone(&instance), stopping.clone()));
            }
            Err(_) => {
                instance.tally.accept_failures.add(1);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Nobody is to find an open port once `stopping` is dropped.
    drop(listener);
}

async fn serve(stream: TcpStream, instance: Arc<Instance>, stopping: Stopping) {
    // Fails only if the other side has gone already; the connection finds that out by itself.
    stream.set_nodelay(true).ok();
    match instance.protocol {
        Protocol::Http => http::serve(stream, instance, stopping).await,
        Protocol::Tcp => line::serve(stream, instance, stopping).await,
    }
}

/// Returns once it is time to stop; also if nobody is left who could say so.
async fn stop(stopping: &mut Stopping) {
    stopping.wait_for(|&stop| stop).await.ok();
}
