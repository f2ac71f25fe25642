//! Accepts connections and serves what is asked on them.

mod http;
mod line;

use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use topology::Protocol;

use crate::instance::Instance;

/// Pause after a connection could not be accepted: the usual reason is a lack of file descriptors, which only time cures.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// What every connection holds: true asks it to finish, and it is over once all holders have dropped it.
pub(crate) type Stopping = watch::Receiver<bool>;

/// Connections that may wait to be accepted, as tokio has it, and of a service that has gone deaf: then the kernel lets one
/// wait.
const BACKLOG: i32 = 1024;
const BACKLOG_DEAF: i32 = 0;

/// Serves connections until it is asked to stop. Those that are open then finish by themselves, each with its own copy
/// of `stopping`. While it is `deaf` it serves and accepts none, and its port stays open.
pub(crate) async fn listen(
    listener: TcpListener,
    instance: Arc<Instance>,
    mut stopping: Stopping,
    mut deaf: watch::Receiver<bool>,
) {
    // Asks the connections of the time between two deafnesses to finish.
    let mut era = watch::Sender::new(false);
    loop {
        // Only looked at: an order that this turn finds here has still to be obeyed, below.
        let is_deaf = *deaf.borrow();
        let accepted = tokio::select! {
            accepted = listener.accept(), if !is_deaf => accepted,
            Ok(()) = deaf.changed() => {
                era.send_replace(true);
                era = watch::Sender::new(false);
                let backlog = if *deaf.borrow() { BACKLOG_DEAF } else { BACKLOG };
                SockRef::from(&listener).listen(backlog).expect("a socket that listens goes on listening");
                continue;
            }
            () = stop(&mut stopping) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let (instance, era, stopping) = (Arc::clone(&instance), era.subscribe(), stopping.clone());
                tokio::spawn(async move {
                    serve(stream, instance, era).await;
                    drop(stopping);
                });
            }
            Err(_) => {
                instance.tally.accept_failures.add(1);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    era.send_replace(true);
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
