use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::http::{self, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How to ask somebody: each time over a connection of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// Address to ask from, where it matters.
    pub source: Option<IpAddr>,
    /// Address of the server to ask.
    pub to: SocketAddr,
    /// Most time for connection and answer together.
    pub patience: Duration,
    /// Most bytes of a body; what is beyond is not read.
    pub body_max: usize,
}

/// Why nobody answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("status {0}")]
    Status(StatusCode),
    #[error("no connection")]
    Connect(#[from] io::Error),
    #[error("no answer")]
    Answer(#[from] hyper::Error),
    #[error("the question cannot be said in HTTP")]
    Http(#[from] http::Error),
}

impl Asking {
    /// Sends the request, which must have its `host`, and reads the answer.
    pub async fn ask(&self, request: Request<()>) -> Result<Response<Bytes>, AskError> {
        timeout(self.patience, self.exchange(request)).await.unwrap_or(Err(AskError::Timeout(self.patience)))
    }

    async fn exchange(&self, request: Request<()>) -> Result<Response<Bytes>, AskError> {
        let stream = self.connect().await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let answer = async {
            let (head, mut body) = sender.send_request(request.map(|()| Empty::<Bytes>::new())).await?.into_parts();
            let mut read = Vec::new();
            while let Some(frame) = body.frame().await {
                read.extend_from_slice(frame?.data_ref().map_or(&[], |data| data));
                if read.len() >= self.body_max {
                    read.truncate(self.body_max);
                    break;
                }
            }
            Ok(Response::from_parts(head, read.into()))
        };
        let answer = answer.await;
        connection.abort();
        answer
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let socket = match self.to {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(source) = self.source {
            socket.bind((source, 0).into())?;
        }
        socket.connect(self.to).await
    }
}
