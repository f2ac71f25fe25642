use std::io;
use std::sync::Arc;

use hyper::header::HeaderMap;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Stopping, stop};
use crate::instance::Instance;
use crate::line::read_line;

/// Serves lines until either side ends the connection, or, once it is time to stop, until the present one is answered.
pub(super) async fn serve(stream: TcpStream, instance: Arc<Instance>, mut stopping: Stopping) {
    let mut connection = BufReader::new(stream);
    // How a connection ends concerns its client: what came and what was answered is counted as it happens.
    while let Ok(Received::Line(bytes)) = next(&mut connection, &mut stopping).await {
        if answer(&mut connection, &instance, bytes).await.is_err() {
            return;
        }
    }
}

enum Received {
    Line(u64),
    End,
}

async fn next(connection: &mut BufReader<TcpStream>, stopping: &mut Stopping) -> io::Result<Received> {
    let bytes = tokio::select! {
        bytes = read_line(connection) => bytes?,
        () = stop(stopping) => 0,
    };
    Ok(if bytes == 0 { Received::End } else { Received::Line(bytes) })
}

/// Performs the script for a line of `bytes` bytes and answers it; a request that is to fail ends the connection.
async fn answer(connection: &mut BufReader<TcpStream>, instance: &Instance, bytes: u64) -> io::Result<()> {
    let endpoint = instance.endpoint("").expect("a `tcp` service has one endpoint, and that has no path");
    let flight = instance.in_flight.enter();
    endpoint.received(bytes);
    let outcome = endpoint.perform(&HeaderMap::new(), &instance.tally).await;
    let sent = if outcome.failed {
        Err(io::ErrorKind::ConnectionAborted.into())
    } else {
        endpoint.sent(outcome.body.len() as u64);
        connection.write_all(&outcome.body).await
    };
    instance.finish(outcome.background, flight);
    sent
}
