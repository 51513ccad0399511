//! The smallest HTTP/1.1 client that knocks at the doors: one request for each connection, bounded.
//!
//! Not here: what is said.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Bytes of a reply that are read at most.
const MAX_REPLY_BYTES: usize = 64 << 20;
/// How long a reply may take.
const WAIT: Duration = Duration::from_secs(60);

/// Where to knock.
#[derive(Debug, Clone)]
pub enum Door {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The content type, empty if there was none.
    pub content_type: String,
    /// All headers.
    pub headers: hyper::HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// A header as text, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Door {
    /// The door behind `http://ADDRESS`.
    pub fn at(url: &str) -> Result<Self> {
        let address = url.strip_prefix("http://").with_context(|| format!("{url} is no http:// URL"))?;
        Ok(Self::Tcp(address.parse().with_context(|| format!("{url} names no socket address"))?))
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.call("GET", path, &[], Bytes::new()).await
    }

    /// One request with these headers.
    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Result<Reply> {
        let mut request = Request::builder().method(method).uri(path).header("host", "creditbay");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into()))?;
        let reply = async {
            match self {
                Self::Tcp(address) => send(TcpStream::connect(address).await?, request).await,
                Self::Unix(path) => send(UnixStream::connect(path).await?, request).await,
            }
        };
        match tokio::time::timeout(WAIT, reply).await {
            Ok(reply) => reply.with_context(|| format!("{method} {path}")),
            Err(_) => bail!("{method} {path}: no reply within {} s", WAIT.as_secs()),
        }
    }
}

async fn send(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, request: Request<Full<Bytes>>) -> Result<Reply> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let content_type =
        response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let headers = response.headers().clone();
    let body = Limited::new(response.into_body(), MAX_REPLY_BYTES).collect().await.map_err(anyhow::Error::from_boxed)?.to_bytes();
    driver.abort();
    Ok(Reply { status, content_type, headers, body })
}
