//! HTTP/1.1 to a node's doors, over TCP or a unix socket; the one room of hyper.
//!
//! Bounded in time and size: [`CONNECT`], [`SILENCE`], and bytes that each caller names. One connection is kept and opened anew when
//! the node closed it between two requests.
//! Not here: whom to expect behind TLS (`tls`), redirects (a door never redirects), and what is asked.

use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use indicatif::ProgressBar;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::tls::Expected;

/// How long a connection may take.
pub const CONNECT: Duration = Duration::from_secs(10);
/// How long a node may be silent within an answer, and before it.
pub const SILENCE: Duration = Duration::from_secs(180);
/// How long the whole answer to a GET may take: an answer that never ends, a byte now and then, is none.
pub const WHOLE: Duration = Duration::from_secs(300);
/// Bytes of a file that are read and sent at a time.
const PIECE: usize = 64 * 1024;

/// What is sent: bytes, or a file.
type Outgoing = Either<Full<Bytes>, FileBody>;

/// Where a door is.
#[derive(Clone)]
enum Door {
    Tcp { authority: String, prefix: String, tls: Option<Expected> },
    Unix(PathBuf),
}

/// A connection to one door.
pub struct Client {
    door: Door,
    sender: Option<SendRequest<Outgoing>>,
}

/// An answer that was read whole.
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// An answer of more bytes than were asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{door} answers with more than {max} bytes; check that this is the right door")]
pub struct AnswerTooLong {
    door: String,
    max: usize,
}

/// An answer of which the head was read.
pub struct Stream {
    /// The status code.
    pub status: u16,
    body: Incoming,
    door: String,
}

impl Client {
    /// A door at a URL `http://host:port[/prefix]`. Nothing is opened yet.
    pub fn at_url(url: &str) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url} is not a URL; write http://host:port"))?;
        match (uri.scheme_str(), uri.authority()) {
            (Some("http"), Some(authority)) => Ok(Self::over_tcp(authority, 80, &uri, None)),
            (Some("https"), _) => {
                bail!(
                    "{url}: nobody said whom to expect there; name the certificate's authority with --ca or the key with --tls-key"
                )
            }
            _ => bail!("{url} is not a URL of a door; write http://host:port"),
        }
    }

    /// A door at a URL `http://…` or `https://…`; behind TLS this one is expected. Nothing is opened yet.
    pub fn expecting(url: &str, expected: Expected) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url} is not a URL; write https://host:port"))?;
        match (uri.scheme_str(), uri.authority()) {
            (Some("https"), Some(authority)) => Ok(Self::over_tcp(authority, 443, &uri, Some(expected))),
            _ => Self::at_url(url),
        }
    }

    fn over_tcp(authority: &Authority, port: u16, uri: &Uri, tls: Option<Expected>) -> Self {
        let authority = if authority.port().is_some() { authority.to_string() } else { format!("{authority}:{port}") };
        Self { door: Door::Tcp { authority, prefix: uri.path().trim_end_matches('/').to_owned(), tls }, sender: None }
    }

    /// A door at a unix socket.
    pub fn at_socket(path: &Path) -> Self {
        Self { door: Door::Unix(path.to_owned()), sender: None }
    }

    /// The door, for messages.
    pub fn door(&self) -> String {
        match &self.door {
            Door::Tcp { authority, prefix, tls: None } => format!("http://{authority}{prefix}"),
            Door::Tcp { authority, prefix, tls: Some(_) } => format!("https://{authority}{prefix}"),
            Door::Unix(path) => path.display().to_string(),
        }
    }

    /// GET, the whole answer, at most `max` bytes of it.
    pub async fn get(&mut self, path: &str, headers: &[(&str, String)], max: usize) -> anyhow::Result<Reply> {
        let door = self.door();
        let getting = self.get_at_leisure(path, headers, max);
        let got = tokio::time::timeout(WHOLE, getting).await;
        got.with_context(|| format!("{door} did not end its answer within {} s; try again later", WHOLE.as_secs()))?
    }

    async fn get_at_leisure(&mut self, path: &str, headers: &[(&str, String)], max: usize) -> anyhow::Result<Reply> {
        let kept = self.sender.is_some();
        let body = || Either::Left(Full::new(Bytes::new()));
        let stream = match self.send(Method::GET, path, headers, body()).await {
            // A kept connection may have been closed meanwhile; asking again changes nothing at the node.
            Err(_) if kept => {
                self.sender = None;
                self.send(Method::GET, path, headers, body()).await?
            }
            sent => sent?,
        };
        stream.whole(max).await
    }

    /// POST of bytes, the whole answer, at most `max` bytes of it.
    pub async fn post(&mut self, path: &str, headers: &[(&str, String)], body: Vec<u8>, max: usize) -> anyhow::Result<Reply> {
        self.send(Method::POST, path, headers, Either::Left(Full::new(Bytes::from(body)))).await?.whole(max).await
    }

    /// POST of bytes, the answer as it comes.
    pub async fn post_bytes(&mut self, path: &str, headers: &[(&str, String)], body: Vec<u8>) -> anyhow::Result<Stream> {
        self.send(Method::POST, path, headers, Either::Left(Full::new(Bytes::from(body)))).await
    }

    /// POST of a file, the answer as it comes. The bar moves as the file is read.
    pub async fn post_file(&mut self, path: &str, file: FileBody) -> anyhow::Result<Stream> {
        self.send(Method::POST, path, &[], Either::Right(file)).await
    }

    async fn send(&mut self, method: Method, path: &str, headers: &[(&str, String)], body: Outgoing) -> anyhow::Result<Stream> {
        let door = self.door();
        let (host, prefix) = match &self.door {
            Door::Tcp { authority, prefix, .. } => (authority.as_str(), prefix.as_str()),
            Door::Unix(_) => ("localhost", ""),
        };
        let mut request = Request::builder().method(method).uri(format!("{prefix}{path}")).header("host", host);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(body).context("the request cannot be written; check names and tokens for odd characters")?;
        let mut sender = match self.sender.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let sending = async {
            sender.ready().await?;
            sender.send_request(request).await
        };
        let response: Response<Incoming> =
            within(SILENCE, &door, sending).await?.with_context(|| format!("{door} gave no answer"))?;
        self.sender = Some(sender);
        Ok(Stream { status: response.status().as_u16(), body: response.into_body(), door })
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Outgoing>> {
        let door = self.door();
        let refused = || format!("{door} does not answer; check that the node runs and that this is its door");
        match &self.door {
            Door::Tcp { authority, tls, .. } => {
                let stream = within(CONNECT, &door, TcpStream::connect(authority)).await?.with_context(refused)?;
                stream.set_nodelay(true).with_context(refused)?;
                let Some(expected) = tls else { return handshake(stream).await };
                let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
                handshake(within(CONNECT, &door, expected.meet(host, stream)).await??).await
            }
            Door::Unix(path) => handshake(within(CONNECT, &door, UnixStream::connect(path)).await?.with_context(refused)?).await,
        }
    }
}

async fn handshake<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) -> anyhow::Result<SendRequest<Outgoing>> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.context("the connection cannot be set up")?;
    // Its error reaches the request that waits on it.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender)
}

async fn within<F: Future>(limit: Duration, door: &str, future: F) -> anyhow::Result<F::Output> {
    tokio::time::timeout(limit, future)
        .await
        .with_context(|| format!("{door} was silent for {} s; look at the node's own messages", limit.as_secs()))
}

impl Stream {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> anyhow::Result<Option<Bytes>> {
        loop {
            let Some(frame) = within(SILENCE, &self.door, self.body.frame()).await? else { return Ok(None) };
            let frame = frame.with_context(|| format!("the answer of {} was cut off", self.door))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// All of it, at most `max` bytes.
    pub async fn whole(mut self, max: usize) -> anyhow::Result<Reply> {
        let mut body = Vec::new();
        while let Some(piece) = self.next().await? {
            if body.len() + piece.len() > max {
                return Err(AnswerTooLong { door: self.door, max }.into());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply { status: self.status, body })
    }
}

/// A file as the body of a request.
pub struct FileBody {
    file: std::fs::File,
    left: u64,
    bar: ProgressBar,
}

impl FileBody {
    /// The first `len` bytes of a file; the bar is moved by the bytes that were read.
    pub fn new(file: std::fs::File, len: u64, bar: ProgressBar) -> Self {
        Self { file, left: len, bar }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut piece = vec![0; PIECE.min(usize::try_from(self.left).unwrap_or(PIECE))];
        let read = match self.file.read(&mut piece) {
            Ok(0) => return Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into()))),
            Ok(read) => read,
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        piece.truncate(read);
        self.left -= read as u64;
        self.bar.inc(read as u64);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// What a door says when it says no (RFC 9457).
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Problem {
    /// The kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short sentence.
    pub title: String,
    /// What happened here.
    pub detail: String,
    /// For a declined question, why.
    pub reason: Option<String>,
    /// For a declined question, the index of the leaf that records it.
    pub leaf: Option<u64>,
}

impl Problem {
    /// Reads the body of an answer; whatever is not a problem has its status alone.
    pub fn of(reply: &Reply) -> Self {
        let read: Option<Self> = serde_json::from_slice(&reply.body).ok();
        read.filter(|problem| !problem.title.is_empty() || !problem.detail.is_empty() || !problem.kind.is_empty())
            .unwrap_or_else(|| Self { kind: "unknown".to_owned(), title: format!("status {}", reply.status), ..Self::default() })
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.title.is_empty(), self.detail.is_empty()) {
            (false, false) => write!(f, "{}: {}", self.title, self.detail),
            (false, true) => f.write_str(&self.title),
            (true, false) => f.write_str(&self.detail),
            (true, true) => f.write_str(&self.kind),
        }
    }
}

#[cfg(test)]
mod tests;
